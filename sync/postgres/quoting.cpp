#include <libpq-fe.h>

#include <memory>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {
namespace {

std::string Doubled(std::string_view text, char quote) {
  std::string quoted{quote};
  for (const char c : text) {
    if (c == quote) quoted += quote;
    quoted += c;
  }
  return quoted + quote;
}

bool IsUri(std::string_view dsn) {
  return dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
}

// postgresql://user:SECRET@host,host/database?password=SECRET&…
std::string RedactUri(std::string dsn) {
  const std::size_t authority = dsn.find("://") + 3;
  const std::size_t end = dsn.find_first_of("/?", authority);
  const std::size_t at = dsn.rfind('@', end == std::string::npos ? end : end - 1);
  if (at != std::string::npos && at > authority) {
    const std::size_t colon = dsn.find(':', authority);
    if (colon < at) dsn.replace(colon + 1, at - colon - 1, "***");
  }
  for (std::size_t name = dsn.find_first_of("?&"); name != std::string::npos; name = dsn.find('&', name + 1)) {
    const std::size_t equals = dsn.find('=', name);
    if (equals == std::string::npos) break;
    if (!dsn.substr(name + 1, equals - name - 1).ends_with("password")) continue;
    const std::size_t stop = std::min(dsn.find('&', equals), dsn.size());
    dsn.replace(equals + 1, stop - equals - 1, "***");
  }
  return dsn;
}

// Lets libpq parse the DSN and writes the result again, so that libpq's quoting rules are not implemented twice.
std::string RedactKeywords(const PQconninfoOption* options) {
  std::string text;
  for (; options->keyword != nullptr; ++options) {
    if (options->val == nullptr) continue;
    const std::string_view keyword = options->keyword;
    const std::string_view value = keyword.ends_with("password") ? "***" : options->val;
    if (!text.empty()) text += ' ';
    text += keyword;
    text += '=';
    if (!value.empty() && value.find_first_of(" '\\") == std::string_view::npos) {
      text += value;
      continue;
    }
    text += '\'';
    for (const char c : value) {
      if (c == '\'' || c == '\\') text += '\\';
      text += c;
    }
    text += '\'';
  }
  return text;
}

}  // namespace

std::string QuoteName(std::string_view name) {
  return Doubled(name, '"');
}

std::string QuoteLiteral(std::string_view text) {
  // E'' does not depend on standard_conforming_strings.
  if (text.find('\\') == std::string_view::npos) return Doubled(text, '\'');
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') escaped += '\\';
    escaped += c;
  }
  return " E" + Doubled(escaped, '\'');
}

std::string ArrayOf(const std::vector<Param>& elements) {
  std::string array = "{";
  for (const Param& element : elements) {
    if (array.size() > 1) array += ',';
    if (!element) {
      array += "NULL";
      continue;
    }
    array += '"';
    for (const char c : *element) {
      if (c == '"' || c == '\\') array += '\\';
      array += c;
    }
    array += '"';
  }
  return array + "}";
}

std::string RedactDsn(std::string_view dsn) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options{
      PQconninfoParse(std::string{dsn}.c_str(), &complaint), &PQconninfoFree};
  const std::unique_ptr<char, decltype(&PQfreemem)> freed{complaint, &PQfreemem};
  if (!options) return "***";  // unreadable: the password may stand anywhere in it
  return IsUri(dsn) ? RedactUri(std::string{dsn}) : RedactKeywords(options.get());
}

}  // namespace membridge::sync::postgres
