#include <set>

#include "mappings/base/utf8.hpp"
#include "mappings/language/functions.hpp"

namespace membridge::mappings::function {

using nlohmann::json;

Value First(const Value& value, const Arguments&) {
  if (!value->is_array()) return value;
  for (const json& element : *value) {
    if (!element.is_null()) return element;
  }
  return std::nullopt;
}

Value Unique(const Value& value, const Arguments&) {
  if (!value->is_array()) return value;
  std::set<json> seen;
  json list = json::array();
  for (const json& element : *value) {
    if (seen.insert(element).second) list.push_back(element);
  }
  return list;
}

Value Entries(const Value& value, const Arguments&) {
  if (!value->is_object()) return std::nullopt;
  json list = json::array();
  for (const auto& [key, member] : value->items()) list.push_back({{"key", key}, {"value", member}});
  return list;
}

Value Pick(const Value& value, const Arguments& arguments) {
  if (value->is_array()) {
    json list = json::array();
    for (const json& element : *value) {
      if (auto picked = Pick(element, arguments); picked && element.is_object()) list.push_back(std::move(*picked));
    }
    return list;
  }
  if (!value->is_object()) return std::nullopt;
  json picked = json::object();
  for (std::size_t i = 0; i < arguments.Count(); ++i) {
    const auto key = arguments.TextAt(i);
    if (!key) continue;
    if (const auto member = value->find(*key); member != value->end()) picked[*key] = *member;
  }
  return picked;
}

Value Length(const Value& value, const Arguments&) {
  if (value->is_structured()) return value->size();
  return CountCharacters(TextOf(*value).value());
}

}  // namespace membridge::mappings::function
