#include "mappings/check/constant_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>

#include "mappings/base/diagnostic.hpp"
#include "mappings/base/digest.hpp"
#include "mappings/base/letter_case.hpp"
#include "mappings/base/utf8.hpp"
#include "mappings/language/functions.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;

template <class Number>
bool ReadsAs(std::string_view text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

bool IsReal(std::string_view text) {
  const std::string lowered = LoweredAscii(text);
  for (const char* word : {"nan", "infinity", "-infinity", "inf", "-inf"}) {
    if (lowered == word) return true;
  }
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error != std::errc::invalid_argument && end == text.data() + text.size();
}

// PostgreSQL accepts any unambiguous beginning of these words.
bool IsBoolean(std::string_view text) {
  const std::string word = LoweredAscii(text);
  for (const std::string_view known : {"true", "false", "yes", "no"}) {
    if (!word.empty() && known.substr(0, word.size()) == word) return true;
  }
  return word == "on" || word == "off" || word == "of" || word == "1" || word == "0";
}

// Times have too many spellings to check them all. A text without a digit that is not a known word is certainly not a time.
bool MayBeTime(std::string_view text) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; })) return true;
  const std::string word = LoweredAscii(text);
  for (const char* known : {"epoch", "infinity", "-infinity", "now", "today", "tomorrow", "yesterday", "allballs"}) {
    if (word == known) return true;
  }
  return false;
}

std::string Article(const std::string& type) {
  return std::string_view{"aeio"}.find(type.front()) != std::string_view::npos ? "an " + type : "a " + type;
}

bool Fits(const std::string& type, std::string_view text) {
  if (type == "smallint") return ReadsAs<std::int16_t>(text);
  if (type == "integer") return ReadsAs<std::int32_t>(text);
  if (type == "bigint") return ReadsAs<std::int64_t>(text);
  if (type == "numeric" || type == "real" || type == "double precision") return IsReal(text);
  if (type == "boolean") return IsBoolean(text);
  if (type == "uuid") return IsUuid(text);
  if (type == "date" || type.compare(0, 9, "timestamp") == 0) return MayBeTime(text);
  return true;
}

std::string FlawOfScalar(const Column& column, const std::string& text) {
  if (!column.enum_labels.empty()) {
    if (std::find(column.enum_labels.begin(), column.enum_labels.end(), text) != column.enum_labels.end()) return {};
    return fmt::format("is {}; it has no \"{}\"{}", column.type, text, DidYouMean(text, column.enum_labels));
  }
  if (column.max_length && CountCharacters(text) > static_cast<std::size_t>(*column.max_length)) {
    return fmt::format("is {}; \"{}\" is longer", column.type, text);
  }
  // A base type may carry a precision, as in `numeric(10,2)`; cut it off.
  const std::string type = column.base_type.substr(0, column.base_type.find('('));
  const bool only_white = Trimmed(text).empty();
  if (Fits(type, only_white ? std::string_view{text} : Trimmed(text))) return {};
  return fmt::format("is {}; \"{}\" is not {}", column.type, text, Article(type));
}

}  // namespace

std::string FlawOfConstant(const Column& column, const json& constant) {
  if (constant.is_null() || column.IsJson()) return {};
  if (column.IsArray()) {
    if (!constant.is_array()) return {};
    Column element;
    element.type = element.base_type = column.element_type;
    for (const json& one : constant) {
      std::string flaw = one.is_structured() ? std::string{} : FlawOfConstant(element, one);
      if (!flaw.empty()) return "has elements whose type " + flaw;
    }
    return {};
  }
  if (constant.is_structured()) return fmt::format("is {}; it takes neither a list nor a map", column.type);
  return FlawOfScalar(column, TextOf(constant).value_or(""));
}

}  // namespace membridge::mappings
