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

/// The arguments of one call. Each is evaluated when it is asked for. The call and the scope outlive it. Threads: one.
class Arguments {
 public:
  Arguments(const Call& call, const Scope& scope) : call_(call), scope_(scope) {}
  std::size_t Count() const;
  /// Returns the value of an argument; missing also when there is no such argument.
  Value At(std::size_t index) const;
  /// Returns the argument as TextOf() gives it; nothing when it is missing or has no text.
  std::optional<std::string> TextAt(std::size_t index) const;
  const Call& Prepared() const { return call_; }

 private:
  const Call& call_;
  const Scope& scope_;
};

/// One function of the mapping language. The list is fixed.
struct Function {
  /// What the first argument is: a value to evaluate, or something that is prepared when the file is read.
  enum class First { kValue, kPattern, kSeparator, kLookup, kUnit, kZone };
  static constexpr std::size_t kAnyNumber = std::numeric_limits<std::size_t>::max();

  std::string_view name;
  std::string_view arguments;  ///< as a reader writes them: `(pattern, text)`
  std::size_t fewest;
  std::size_t most;
  First first;
  bool sees_missing;     ///< whether it is called for missing and null; else those pass through unchanged
  std::string_view doc;  ///< one line: mappings/README.md holds it word for word
  Value (*apply)(const Value& value, const Arguments& arguments);
};

/// Returns all functions in the order of the reference.
const std::vector<Function>& AllFunctions();
/// Returns the function of that name; nullptr when there is none.
const Function* FindFunction(std::string_view name);

/// Returns the text of a string, number or boolean; nothing for lists, objects and null.
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

/// Applies `change` to the text of a string, number or boolean, or to every such element of a list. Elements for which `change`
/// gives nothing are dropped. The result for any other value is missing.
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
