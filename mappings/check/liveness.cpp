#include "mappings/check/liveness.hpp"

#include <algorithm>
#include <charconv>

#include "mappings/base/letter_case.hpp"
#include "mappings/base/time.hpp"
#include "mappings/base/utf8.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;

/// Reads true or false in any spelling that PostgreSQL accepts.
std::optional<bool> BooleanIn(const std::string& given) {
  const std::string text = LoweredAscii(Trimmed(given));
  if (text.empty()) return std::nullopt;
  const auto begins = [&](std::string_view word) { return word.substr(0, text.size()) == text; };
  if (begins("true") || begins("yes") || text == "on" || text == "1") return true;
  if (begins("false") || begins("no") || text == "off" || text == "of" || text == "0") return false;
  return std::nullopt;
}

/// Returns a decimal number without a redundant sign, zeros or point: `+1.50` becomes `1.5`. Nothing when the text is not a plain
/// decimal number.
std::optional<std::string> PlainNumber(std::string_view text) {
  text = Trimmed(text);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  if (text.empty() || text.find_first_not_of("0123456789.") != std::string_view::npos) return std::nullopt;
  std::string whole{text.substr(0, text.find('.'))};
  std::string fraction{text.find('.') == std::string_view::npos ? std::string_view{} : text.substr(text.find('.') + 1)};
  if (fraction.find('.') != std::string::npos) return std::nullopt;
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  fraction.erase(fraction.find_last_not_of('0') + 1);
  if (whole.empty()) whole = "0";
  const bool zero = whole == "0" && fraction.empty();
  return (negative && !zero ? "-" : "") + whole + (fraction.empty() ? "" : "." + fraction);
}

std::optional<Instant> MomentIn(std::string_view text) {
  text = Trimmed(text);
  if (const auto day = ParseDay(text)) return Instant{*day};
  return ParseRfc3339(text);
}

template <class Parsed>
bool AreSame(const Parsed& a, const Parsed& b, const std::string& text, const std::string& other) {
  return a && b ? *a == *b : LoweredAscii(text) == LoweredAscii(other);
}

}  // namespace

/// Whether the column's type reads the constant as the same value as `text`.
bool Liveness::Means(const std::string& text, const Constant& constant) const {
  if (!constant.value.is_string()) return false;
  const std::string& wanted = constant.value.get_ref<const std::string&>();
  if (text == wanted) return true;
  if (column_.category == 'B') return BooleanIn(wanted) == BooleanIn(text);
  if (column_.category == 'N') return AreSame(PlainNumber(text), PlainNumber(wanted), text, wanted);
  if (column_.category == 'D') return AreSame(MomentIn(text), MomentIn(wanted), text, wanted);
  if (column_.base_type == "citext" || column_.base_type == "uuid") return LoweredAscii(text) == LoweredAscii(wanted);
  // PostgreSQL pads char(n) with spaces.
  return column_.base_type.compare(0, 9, "character") == 0 && column_.base_type.find("varying") == std::string::npos &&
         text.substr(0, text.find_last_not_of(' ') + 1) == wanted;
}

bool Liveness::IsLive(const std::optional<std::string>& text) const {
  switch (live_.shape) {
    case Live::Shape::kByType:
      return column_.category == 'B' ? text && BooleanIn(*text) == true : !text.has_value();
    case Live::Shape::kNot:
      return !text || BooleanIn(*text) == false;
    case Live::Shape::kValue:
      return live_.is.value.is_null() ? !text.has_value() : text && Means(*text, live_.is);
  }
  return true;
}

json Liveness::LiveMark() const {
  switch (live_.shape) {
    case Live::Shape::kByType:
      return column_.category == 'B' ? json("true") : json(nullptr);
    case Live::Shape::kNot:
      return "false";
    case Live::Shape::kValue:
      return live_.is.value;
  }
  return nullptr;
}

json Liveness::DeadMark(const std::string& now) const {
  switch (live_.shape) {
    case Live::Shape::kByType:
      return column_.category == 'B' ? json("false") : json(now);
    case Live::Shape::kNot:
      return "true";
    case Live::Shape::kValue:
      break;
  }
  if (!live_.gone) return nullptr;
  if (const auto* constant = std::get_if<Constant>(&*live_.gone)) return constant->value;
  const json time = now;
  Scope scope;
  scope.Set("now", &time);
  scope.Set("vars", vars_);
  return std::get<Expression>(*live_.gone).Evaluate(scope).value_or(nullptr);
}

bool Liveness::NeedsMark() const {
  if (column_.generated || column_.identity_always) return false;
  if (column_.has_default && !column_.default_value) return true;
  return !IsLive(column_.default_value);
}

}  // namespace membridge::mappings
