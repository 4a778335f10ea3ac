#include "mappings/language/functions.hpp"

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::mappings {

const std::vector<Function>& AllFunctions() {
  using F = Function::First;
  constexpr std::size_t kAny = Function::kAnyNumber;
  static const std::vector<Function> kFunctions{
      {"lower", "", 0, 0, F::kValue, false, "the text in lower case, of any script", function::Lower},
      {"upper", "", 0, 0, F::kValue, false, "the text in upper case", function::Upper},
      {"trim", "", 0, 0, F::kValue, false, "without white space at both ends; missing when nothing is left", function::Trim},
      {"truncate", "(n)", 0, 1, F::kValue, false, "at most n characters; without n, as many as the column holds",
       function::Truncate},
      {"capture", "(pattern)", 1, 1, F::kPattern, false,
       "what the first match captured: its first group, or all of it when there is no group", function::Capture},
      {"captures", "(pattern)", 1, 1, F::kPattern, false, "the same for every match, as a list", function::Captures},
      {"replace", "(pattern, text)", 2, 2, F::kPattern, false, "every match replaced; `\\1` stands for the first group",
       function::Replace},
      {"split", "(separator)", 1, 1, F::kSeparator, false,
       "a list of the parts that are not empty; one character stands for itself, more are a pattern", function::Split},
      {"join", "(text)", 1, 1, F::kValue, false, "one text of a list, with the given text between its elements", function::Join},
      {"html", "", 0, 0, F::kValue, false, "with `& < > \" '` written as HTML entities", function::Html},
      {"or", "(value)", 1, 1, F::kValue, true, "the given value where there is none", function::Or},
      {"map", "(name)", 1, 1, F::kLookup, false, "what the table under `maps` says; missing when it says nothing", function::Map},
      {"is", "(value, ...)", 1, kAny, F::kValue, true, "true when it equals one of them; `is(null)` when there is nothing",
       function::Is},
      {"has", "(value, ...)", 1, kAny, F::kValue, true,
       "true when a list contains, or a text has in it, or an object has as a key, one of them", function::Has},
      {"not", "", 0, 0, F::kValue, true, "true for missing, null, false, 0 and what is empty; else false", function::Not},
      {"yes", "", 0, 0, F::kValue, false, "true stays true; anything else is missing", function::Yes},
      {"first", "", 0, 0, F::kValue, false, "the first element of a list", function::First},
      {"unique", "", 0, 0, F::kValue, false, "the list with every element once, where it first stands", function::Unique},
      {"entries", "", 0, 0, F::kValue, false, "an object as a list of `{key, value}`, by key", function::Entries},
      {"pick", "(key, ...)", 1, kAny, F::kValue, false, "the object with these keys only; of a list, every object in it",
       function::Pick},
      {"length", "", 0, 0, F::kValue, false, "characters of a text, elements of a list, keys of an object", function::Length},
      {"email", "", 0, 0, F::kValue, false, "the address in `Bob <Bob@Example.org>`, in lower case; missing when it is none",
       function::Email},
      {"phone", "(country)", 0, 1, F::kValue, false,
       "in E.164, as `+4930123456`; `'+49'` or `'DE'` reads national numbers; missing when invalid", function::Phone},
      {"number", "", 0, 0, F::kValue, false, "the number a text spells; missing when it spells none", function::Number},
      {"date", "", 0, 0, F::kValue, false, "the UTC day of a time, as `2026-03-01`; missing when it is no time", function::Date},
      {"time", "(unit)", 0, 1, F::kUnit, false,
       "a time as `2026-03-01T09:12:44.018000Z`, of an RFC 3339 time or of seconds since 1970; `time('ms')` reads milliseconds; "
       "missing when it is no time",
       function::Time},
      {"at", "(zone)", 1, 1, F::kZone, false,
       "what clocks of the zone show then, as `2026-03-01T10:12:44.018000`, for columns without a time zone; missing when it is "
       "no time",
       function::At},
      {"epoch", "", 0, 0, F::kValue, false, "a time as whole seconds since 1970; missing when it is no time", function::Epoch},
      {"epoch_ms", "", 0, 0, F::kValue, false, "a time as whole milliseconds since 1970; missing when it is no time",
       function::EpochMs},
      {"uuid5", "(namespace, value, ...)", 0, kAny, F::kValue, false,
       "the same id for the same text; the namespace is a UUID, `dns`, `url`, `oid`, `x500`, or a word of your own; with more "
       "values the id of the JSON array `[text, value, ...]`",
       function::Uuid5},
      {"sha256", "", 0, 0, F::kValue, false, "64 hex digits; of a list or object, over its JSON", function::Sha256},
  };
  return kFunctions;
}

const Function* FindFunction(std::string_view name) {
  const auto& all = AllFunctions();
  const auto found = std::find_if(all.begin(), all.end(), [&](const Function& one) { return one.name == name; });
  return found == all.end() ? nullptr : &*found;
}

std::optional<std::string> TextOf(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (IsNumber(value) || value.is_boolean()) return ExactText(value);
  return std::nullopt;
}

std::size_t Arguments::Count() const {
  return call_.arguments.size();
}

Value Arguments::At(std::size_t index) const {
  if (index >= call_.arguments.size()) return std::nullopt;
  return call_.arguments[index].Evaluate(scope_);
}

std::optional<std::string> Arguments::TextAt(std::size_t index) const {
  const Value value = At(index);
  return value ? TextOf(*value) : std::nullopt;
}

}  // namespace membridge::mappings
