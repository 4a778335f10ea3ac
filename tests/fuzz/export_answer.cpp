#include "sync/backfill/export_answer.hpp"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "mappings/base/exact_json.hpp"
#include "sync/mem0/answer.hpp"

// Any JSON as what a language model filled into an export's schema: what comes out are keys of the schema with values of its
// types.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using nlohmann::json;
  static const json schema = [] {
    json made{{"type", "object"}, {"properties", json::object()}};
    const json asked{{"name", {{"type", "string"}}},
                     {"years", {{"type", "integer"}}},
                     {"rate", {{"type", "number"}}},
                     {"remote", {{"type", "boolean"}}},
                     {"skills", {{"type", "array"}, {"items", {{"type", "string"}}}}},
                     {"level", {{"type", "string"}, {"enum", {"junior", "senior", "none"}}}}};
    for (const auto& [name, property] : asked.items())
      made["properties"][name] = {{"anyOf", {property, {{"type", "null"}}}}, {"default", nullptr}};
    return made;
  }();
  const auto answer = membridge::sync::mem0::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!answer) return 0;
  const auto read = membridge::sync::ReadExportAnswer(*answer, schema);
  if (!read) return 0;
  static_cast<void>(membridge::mappings::ExactText(read->values));
  for (const auto& [name, value] : read->values.items()) {
    if (!schema["properties"].contains(name) || value.is_null()) std::abort();
    if ((name == "name" || name == "level") && !value.is_string()) std::abort();
    if (name == "skills" && !value.is_array()) std::abort();
    if (name == "remote" && !value.is_boolean()) std::abort();
    if ((name == "years" || name == "rate") && !membridge::mappings::IsNumber(value)) std::abort();
  }
  // What was read reads the same.
  const auto again = membridge::sync::ReadExportAnswer(read->values, schema);
  if (!again || again->values != read->values) std::abort();
  return 0;
}
