#include <cstdint>
#include <cstdlib>
#include <string>

#include "mappings/files/loader.hpp"

// Any bytes as a mapping file: a mapping comes out, or problems that say why not, each in a line a reader can print.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace membridge::mappings;
  Diagnostics problems;
  const auto mapping = LoadMapping("fuzz.yaml", std::string{reinterpret_cast<const char*>(data), size}, {}, problems);
  if (mapping.has_value() == problems.HasErrors()) std::abort();
  for (const Diagnostic& one : problems.Sorted()) {
    if (one.Text().empty()) std::abort();
  }
  if (mapping && (mapping->rows.empty() || mapping->digest.size() != 64)) std::abort();
  return 0;
}
