#include "tests/mem0_sim/exchange.hpp"

#include <algorithm>
#include <cctype>

namespace membridge::mem0_sim {
namespace {

bool SameIgnoringCase(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

template <class Take>
void Split(std::string_view text, char separator, Take take) {
  while (true) {
    const auto end = text.find(separator);
    take(text.substr(0, end));
    if (end == std::string_view::npos) return;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

std::optional<std::string> Request::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (SameIgnoringCase(key, name)) return value;
  }
  return std::nullopt;
}

std::optional<std::string> Call::Query(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return std::nullopt;
}

const nlohmann::json& Call::Field(const char* name) const {
  static const nlohmann::json kNull;
  const auto found = body.find(name);
  return found == body.end() ? kNull : *found;
}

std::optional<std::string> Call::Text(const char* name) const {
  const nlohmann::json& field = Field(name);
  if (!field.is_string() || field.get_ref<const std::string&>().empty()) return std::nullopt;
  return field.get<std::string>();
}

bool Call::Flag(const char* name, bool absent) const {
  const nlohmann::json& field = Field(name);
  return field.is_boolean() ? field.get<bool>() : absent;
}

Answer Ok(const nlohmann::json& body) {
  return WithStatus(200, body);
}

Answer WithStatus(int status, const nlohmann::json& body) {
  Answer answer;
  answer.status = status;
  answer.body = body.dump();
  return answer;
}

std::string PercentDecoded(std::string_view text, bool plus_is_space) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 && HexDigit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

std::string PercentEncoded(std::string_view text) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.' || c == '~') {
      encoded += c;
    } else {
      encoded += {'%', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return encoded;
}

std::vector<std::string> PathSegments(std::string_view target) {
  std::vector<std::string> segments;
  std::string_view path = target.substr(0, target.find('?'));
  if (!path.empty() && path.front() == '/') path.remove_prefix(1);
  Split(path, '/', [&](std::string_view piece) { segments.push_back(PercentDecoded(piece, false)); });
  return segments;
}

Headers QueryOf(std::string_view target) {
  Headers query;
  const auto mark = target.find('?');
  if (mark == std::string_view::npos) return query;
  Split(target.substr(mark + 1), '&', [&](std::string_view pair) {
    if (pair.empty()) return;
    const auto equals = pair.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    query.emplace_back(PercentDecoded(pair.substr(0, equals), true), PercentDecoded(value, true));
  });
  return query;
}

}  // namespace membridge::mem0_sim
