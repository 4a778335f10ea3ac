#include <unicode/locid.h>
#include <unicode/unistr.h>

#include "mappings/base/utf8.hpp"
#include "mappings/language/expression_node.hpp"
#include "mappings/language/functions.hpp"

namespace membridge::mappings::function {
namespace {

using nlohmann::json;

enum class Case { kLower, kUpper };

// Uses ICU's root locale, so that rows do not depend on the machine's language (Turkish lowers I differently).
std::string InCase(const std::string& text, Case wanted) {
  icu::UnicodeString unicode = icu::UnicodeString::fromUTF8(text);
  if (wanted == Case::kLower) {
    unicode.toLower(icu::Locale::getRoot());
  } else {
    unicode.toUpper(icu::Locale::getRoot());
  }
  std::string result;
  unicode.toUTF8String(result);
  return result;
}

}  // namespace

Value Lower(const Value& value, const Arguments&) {
  return OverText(value, [](const std::string& text) -> Value { return InCase(text, Case::kLower); });
}

Value Upper(const Value& value, const Arguments&) {
  return OverText(value, [](const std::string& text) -> Value { return InCase(text, Case::kUpper); });
}

Value Trim(const Value& value, const Arguments&) {
  return OverText(value, [](const std::string& text) -> Value {
    const std::string_view trimmed = Trimmed(text);
    if (trimmed.empty()) return std::nullopt;
    return std::string{trimmed};
  });
}

Value Truncate(const Value& value, const Arguments& arguments) {
  std::optional<std::size_t> most = arguments.Prepared().length;
  if (arguments.Count() > 0) {
    const Value given = arguments.At(0);
    if (!given || !given->is_number_integer() || given->get<std::int64_t>() < 0) return std::nullopt;
    most = given->get<std::size_t>();
  }
  return OverText(value,
                  [&](const std::string& text) -> Value { return most ? std::string{FirstCharacters(text, *most)} : text; });
}

Value Capture(const Value& value, const Arguments& arguments) {
  return OverText(value, [&](const std::string& text) -> Value {
    auto captured = arguments.Prepared().pattern->Capture(text);
    if (!captured) return std::nullopt;
    return std::move(*captured);
  });
}

Value Captures(const Value& value, const Arguments& arguments) {
  json all = json::array();
  OverText(value, [&](const std::string& text) -> Value {
    for (std::string& captured : arguments.Prepared().pattern->Captures(text)) all.push_back(std::move(captured));
    return std::nullopt;
  });
  if (all.empty()) return std::nullopt;
  return all;
}

Value Replace(const Value& value, const Arguments& arguments) {
  const auto rewrite = arguments.TextAt(1);
  if (!rewrite) return std::nullopt;
  return OverText(value, [&](const std::string& text) -> Value { return arguments.Prepared().pattern->Replace(text, *rewrite); });
}

Value Split(const Value& value, const Arguments& arguments) {
  json all = json::array();
  const auto add = [&](std::string_view part) {
    if (!part.empty()) all.push_back(std::string{part});
  };
  OverText(value, [&](const std::string& text) -> Value {
    if (const auto& separator = arguments.Prepared().separator) {
      std::string_view rest = text;
      for (auto found = rest.find(*separator); found != std::string_view::npos; found = rest.find(*separator)) {
        add(rest.substr(0, found));
        rest.remove_prefix(found + separator->size());
      }
      add(rest);
    } else {
      for (const std::string& part : arguments.Prepared().pattern->Split(text)) add(part);
    }
    return std::nullopt;
  });
  if (all.empty()) return std::nullopt;
  return all;
}

Value Join(const Value& value, const Arguments& arguments) {
  const auto separator = arguments.TextAt(0);
  if (!separator) return std::nullopt;
  if (!value->is_array()) return value->is_object() ? Value{} : Value{TextOf(*value).value()};
  std::string joined;
  bool any = false;
  for (const json& element : *value) {
    const auto text = TextOf(element);
    if (!text) continue;
    if (any) joined += *separator;
    joined += *text;
    any = true;
  }
  if (!any) return std::nullopt;
  return joined;
}

Value Html(const Value& value, const Arguments&) {
  return OverText(value, [](const std::string& text) -> Value {
    std::string escaped;
    for (const char c : text) {
      switch (c) {
        case '&':
          escaped += "&amp;";
          break;
        case '<':
          escaped += "&lt;";
          break;
        case '>':
          escaped += "&gt;";
          break;
        case '"':
          escaped += "&quot;";
          break;
        case '\'':
          escaped += "&#39;";
          break;
        default:
          escaped.push_back(c);
      }
    }
    return escaped;
  });
}

}  // namespace membridge::mappings::function
