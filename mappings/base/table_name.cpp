#include "mappings/base/table_name.hpp"

#include "mappings/base/utf8.hpp"

namespace membridge {
namespace {

/// Takes one part from the front of `text`. Returns nothing when the part is empty or its quote is not closed.
std::optional<std::string> TakePart(std::string_view& text, char separator) {
  std::string_view ahead = text;
  while (!ahead.empty() && ahead.front() == ' ') ahead.remove_prefix(1);
  if (ahead.empty() || ahead.front() != '"') {
    const std::size_t end = text.find(separator);
    std::string part{mappings::Trimmed(text.substr(0, end))};
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    if (part.empty()) return std::nullopt;
    return part;
  }
  std::string part;
  for (std::size_t at = 1; at < ahead.size(); ++at) {
    if (ahead[at] != '"') {
      part += ahead[at];
    } else if (at + 1 < ahead.size() && ahead[at + 1] == '"') {
      part += '"';
      ++at;
    } else {
      text = ahead.substr(at + 1);
      while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
      if (part.empty() || (!text.empty() && text.front() != separator)) return std::nullopt;
      return part;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string QuotedIfNeeded(std::string_view name) {
  const bool plain = !name.empty() && name.find('.') == std::string_view::npos && name.front() != '"' && name.front() != ' ' &&
                     name.back() != ' ';
  return plain ? std::string{name} : Quoted(name);
}

std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted += c == '"' ? std::string{"\"\""} : std::string{c};
  return quoted + '"';
}

std::string NameOfTable(std::string_view schema, std::string_view table) {
  return QuotedIfNeeded(schema) + "." + QuotedIfNeeded(table);
}

std::optional<std::vector<std::string>> PartsOfName(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (;;) {
    auto part = TakePart(text, separator);
    if (!part) return std::nullopt;
    parts.push_back(std::move(*part));
    if (text.empty()) return parts;
    text.remove_prefix(1);
  }
}

std::optional<std::pair<std::string, std::string>> SchemaAndTable(std::string_view name) {
  auto parts = PartsOfName(name);
  if (!parts || parts->size() > 2) return std::nullopt;
  if (parts->size() == 1) return std::pair{std::string{}, std::move(parts->front())};
  return std::pair{std::move(parts->front()), std::move(parts->back())};
}

}  // namespace membridge
