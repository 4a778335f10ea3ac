#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/language/expression.hpp"

namespace membridge::mappings {

struct Call;

/// The arguments of one call, evaluated when asked for.
class Arguments {
 public:
  Arguments(const Call& call, const Scope& scope) : call_(call), scope_(scope) {}
  std::size_t Count() const;
  /// Missing also when there is no such argument.
  Value At(std::size_t index) const;
  /// The text of an argument, if it is there and has one.
  std::optional<std::string> TextAt(std::size_t index) const;
  const Call& Prepared() const { return call_; }

 private:
  const Call& call_;
  const Scope& scope_;
};

/// One function of the closed list.
struct Function {
  /// What the first argument is, where it is not a value.
  enum class First { kValue, kPattern, kSeparator, kLookup, kUnit, kZone };
  static constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

  std::string_view name;
  std::string_view arguments;  ///< as a reader writes them: `(pattern, text)`
  std::size_t fewest;
  std::size_t most;
  First first;
  bool sees_missing;     ///< of the others, missing stays missing and null stays null without a call
  std::string_view doc;  ///< one line: mappings/README.md holds it word for word
  Value (*apply)(const Value& value, const Arguments& arguments);
};

/// All of them, in the order the reference lists them.
const std::vector<Function>& AllFunctions();
/// nullptr when there is none of that name.
const Function* FindFunction(std::string_view name);

/// The text of a string, number or boolean; nothing for lists, objects and null.
std::optional<std::string> TextOf(const nlohmann::json& value);

/// Implementations, by subject: functions_text.cpp, functions_list.cpp, functions_choice.cpp, functions_value.cpp,
/// functions_time.cpp.
namespace function {
Value Lower(const Value& value, const Arguments& arguments);
Value Upper(const Value& value, const Arguments& arguments);
Value Trim(const Value& value, const Arguments& arguments);
Value Truncate(const Value& value, const Arguments& arguments);
Value Capture(const Value& value, const Arguments& arguments);
Value Captures(const Value& value, const Arguments& arguments);
Value Replace(const Value& value, const Arguments& arguments);
Value Split(const Value& value, const Arguments& arguments);
Value Join(const Value& value, const Arguments& arguments);
Value Html(const Value& value, const Arguments& arguments);
Value Or(const Value& value, const Arguments& arguments);
Value Map(const Value& value, const Arguments& arguments);
Value Is(const Value& value, const Arguments& arguments);
Value Has(const Value& value, const Arguments& arguments);
Value Not(const Value& value, const Arguments& arguments);
Value Yes(const Value& value, const Arguments& arguments);
Value First(const Value& value, const Arguments& arguments);
Value Unique(const Value& value, const Arguments& arguments);
Value Entries(const Value& value, const Arguments& arguments);
Value Pick(const Value& value, const Arguments& arguments);
Value Length(const Value& value, const Arguments& arguments);
Value Email(const Value& value, const Arguments& arguments);
Value Phone(const Value& value, const Arguments& arguments);
Value Number(const Value& value, const Arguments& arguments);
Value Date(const Value& value, const Arguments& arguments);
Value Time(const Value& value, const Arguments& arguments);
Value At(const Value& value, const Arguments& arguments);
Value Epoch(const Value& value, const Arguments& arguments);
Value EpochMs(const Value& value, const Arguments& arguments);
Value Uuid5(const Value& value, const Arguments& arguments);
Value Sha256(const Value& value, const Arguments& arguments);

/// Applies `change` to a text, number or boolean, or to every such element of a list; what yields nothing drops out. Else
/// missing.
template <class Change>
Value OverText(const Value& value, const Change& change) {
  if (!value->is_array()) {
    const auto text = TextOf(*value);
    return text ? change(*text) : std::nullopt;
  }
  nlohmann::json list = nlohmann::json::array();
  for (const nlohmann::json& element : *value) {
    const auto text = TextOf(element);
    if (!text) continue;
    if (Value changed = change(*text)) list.push_back(std::move(*changed));
  }
  return list;
}
}  // namespace function

}  // namespace membridge::mappings
