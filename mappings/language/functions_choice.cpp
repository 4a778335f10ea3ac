#include <algorithm>

#include "mappings/language/expression_node.hpp"
#include "mappings/language/functions.hpp"

namespace membridge::mappings::function {
namespace {

using nlohmann::json;

/// Compares by text, because a person who writes a mapping means the same by `5` and `'5'`.
bool AreSame(const json& a, const json& b) {
  if (a == b) return true;
  const auto text = TextOf(a);
  return text && text == TextOf(b);
}

/// Whether one of the arguments fits. A list given as one argument counts as its elements.
template <class Fits>
bool AnyArgument(const Arguments& arguments, const Fits& fits) {
  for (std::size_t i = 0; i < arguments.Count(); ++i) {
    const Value argument = arguments.At(i);
    if (!argument) continue;
    if (argument->is_array() ? std::any_of(argument->begin(), argument->end(), fits) : fits(*argument)) return true;
  }
  return false;
}

}  // namespace

Value Or(const Value& value, const Arguments& arguments) {
  return value ? value : arguments.At(0);
}

Value Not(const Value& value, const Arguments&) {
  return !IsTrue(value);
}

Value Yes(const Value& value, const Arguments&) {
  return *value == json(true) ? value : std::nullopt;
}

Value Is(const Value& value, const Arguments& arguments) {
  const json given = value.value_or(nullptr);
  return AnyArgument(arguments, [&](const json& argument) { return AreSame(given, argument); });
}

Value Has(const Value& value, const Arguments& arguments) {
  if (!value) return false;
  return AnyArgument(arguments, [&](const json& argument) {
    if (value->is_array()) {
      return std::any_of(value->begin(), value->end(), [&](const json& element) { return AreSame(element, argument); });
    }
    const auto wanted = TextOf(argument);
    if (!wanted) return false;
    if (value->is_object()) return value->contains(*wanted);
    const auto text = TextOf(*value);
    return text && text->find(*wanted) != std::string::npos;
  });
}

Value Map(const Value& value, const Arguments& arguments) {
  const auto& lookup = *arguments.Prepared().lookup;
  return OverText(value, [&](const std::string& text) -> Value {
    const auto found = lookup.find(text);
    return found == lookup.end() ? Value{} : Value{found->second};
  });
}

}  // namespace membridge::mappings::function
