#include "sync/source/table_name.hpp"

#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync::source {
namespace {

constexpr std::size_t kLongestName = 63;

/// Takes one name from the front of the text. Returns nothing when there is none.
std::optional<std::string> TakeName(std::string_view& text) {
  std::string name;
  if (!text.starts_with('"')) {
    const auto end = text.find('.');
    name = text.substr(0, end);
    text.remove_prefix(name.size());
    const bool fits = name.find_first_of("\" \t\r\n;'") == std::string::npos;
    return name.empty() || !fits ? std::nullopt : std::optional{name};
  }
  text.remove_prefix(1);
  while (!text.empty()) {
    if (text.starts_with("\"\"")) {
      name += '"';
      text.remove_prefix(2);
    } else if (text.front() == '"') {
      text.remove_prefix(1);
      return name.empty() ? std::nullopt : std::optional{name};
    } else {
      name += text.front();
      text.remove_prefix(1);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<TableName> TableName::Parse(std::string_view text) {
  std::vector<std::string> names;
  while (names.size() < 2) {
    auto name = TakeName(text);
    if (!name || name->size() > kLongestName || name->find('\0') != std::string::npos) return std::nullopt;
    names.push_back(std::move(*name));
    if (text.empty()) break;
    if (text.front() != '.') return std::nullopt;
    text.remove_prefix(1);
    if (text.empty()) return std::nullopt;
  }
  if (!text.empty()) return std::nullopt;
  if (names.size() == 1) return TableName{"public", names[0]};
  return TableName{names[0], names[1]};
}

std::string TableName::Quoted() const {
  return postgres::QuoteName(schema) + "." + postgres::QuoteName(table);
}

std::string TableName::Written() const {
  return schema + "." + table;
}

}  // namespace membridge::sync::source
