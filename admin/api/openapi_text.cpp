#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/api/document.hpp"
#include "admin/api/mem0_document.hpp"

// The assembler reads the document as it is; its path comes from CMake.
// clang-format off
asm(".pushsection .rodata\n"
    "membridge_openapi:\n"
    ".incbin \"" MEMBRIDGE_OPENAPI "\"\n"
    "membridge_openapi_end:\n"
    ".popsection\n");
// clang-format on
// NOLINTNEXTLINE(readability-identifier-naming): these are the names of the symbols above.
extern const char membridge_openapi[] asm("membridge_openapi");
// NOLINTNEXTLINE(readability-identifier-naming)
extern const char membridge_openapi_end[] asm("membridge_openapi_end");

namespace membridge::admin::api {

std::string_view OpenApiText() {
  static const std::string kText = [] {
    const std::string_view written{membridge_openapi, static_cast<std::size_t>(membridge_openapi_end - membridge_openapi)};
    auto document = nlohmann::ordered_json::parse(written);
    AddMem0Paths(document);
    return document.dump(1);
  }();
  return kText;
}

}  // namespace membridge::admin::api
