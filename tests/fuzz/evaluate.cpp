#include "mappings/evaluate.hpp"

#include <cstdint>
#include <string>

#include "mappings/files/loader.hpp"
#include "mappings/memory.hpp"

namespace {

using namespace membridge::mappings;

void DumpAll(const std::vector<CellValue>& values) {
  for (const CellValue& one : values) static_cast<void>(one.value.dump());  // throws when a text is no longer UTF-8
}

void EvaluateRow(const Row& row, const Scope& scope) {
  for (const nlohmann::json& item : ItemsOf(row, scope)) {
    Scope inner{&scope};
    inner.Set("item", &item);
    if (const auto intent = Intend(row, inner)) {
      for (const auto& key : intent->keys) DumpAll(key.parts);
      DumpAll(intent->set);
      DumpAll(intent->fresh);
    }
    const LateValues late = Late(row, inner);
    DumpAll(late.set);
    DumpAll(late.fresh);
    DumpAll(Touch(row, inner));
    DumpAll(Add(row, inner));
  }
}

}  // namespace

// A mapping, a line of three dashes, and a record as Mem0 might answer it: whatever they are, nothing throws and all that comes
// out is text.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string input{reinterpret_cast<const char*>(data), size};
  constexpr std::string_view kSeparator = "\n---\n";
  const std::size_t end = input.find(kSeparator);
  if (end == std::string::npos) return 0;
  Diagnostics problems;
  const auto mapping = LoadMapping("fuzz.yaml", input.substr(0, end), {}, problems);
  const auto answer = nlohmann::json::parse(input.substr(end + kSeparator.size()), nullptr, false);
  if (!mapping || answer.is_discarded()) return 0;
  const auto memory = ReadMemory(answer);
  if (!memory) return 0;
  static_cast<void>(DigestOf(*memory));
  const nlohmann::json now = "2026-08-03T00:00:00.000000Z";
  Scope scope;
  for (const char* name : {"memory", "export", "event", "row"}) scope.Set(name, &memory->record);
  scope.Set("vars", &mapping->vars);
  scope.Set("now", &now);
  Speaks(*mapping, scope);
  for (const Row& row : mapping->rows) EvaluateRow(row, scope);
  return 0;
}
