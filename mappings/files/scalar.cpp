#include "mappings/files/scalar.hpp"

#include <charconv>
#include <cmath>

namespace membridge::mappings {
namespace {

using nlohmann::json;

template <class Leaf>
json Converted(const YamlNode& node, const Leaf& leaf) {
  switch (node.kind) {
    case YamlNode::Kind::kNothing:
      return nullptr;
    case YamlNode::Kind::kScalar:
      return leaf(node);
    case YamlNode::Kind::kList: {
      json list = json::array();
      for (const YamlNode& item : node.items) list.push_back(Converted(item, leaf));
      return list;
    }
    case YamlNode::Kind::kMap: {
      json object = json::object();
      for (const auto& [key, value] : node.entries) object[key.text] = Converted(value, leaf);
      return object;
    }
  }
  return nullptr;
}

template <class Number>
json NumberThatPrintsAs(const std::string& text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end) return nullptr;
  json typed = number;
  return typed.dump() == text ? typed : json(nullptr);
}

}  // namespace

json TypedScalar(const std::string& text, bool plain) {
  if (!plain) return text;
  if (text == "null") return nullptr;
  if (text == "true" || text == "false") return text == "true";
  if (json integer = NumberThatPrintsAs<std::int64_t>(text); !integer.is_null()) return integer;
  if (json real = NumberThatPrintsAs<double>(text); !real.is_null()) return real;
  return text;
}

json AsText(const YamlNode& node) {
  return Converted(node, [](const YamlNode& scalar) { return scalar.IsNull() ? json(nullptr) : json(scalar.text); });
}

json AsTyped(const YamlNode& node) {
  return Converted(node, [](const YamlNode& scalar) { return TypedScalar(scalar.text, scalar.plain); });
}

}  // namespace membridge::mappings
