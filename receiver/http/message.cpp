#include "receiver/http/message.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace membridge::receiver::http {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(), [](char a, char b) { return Lower(a) == Lower(b); });
}

std::optional<std::string> Request::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

Response Refusal(int status, std::string_view code, std::string_view message, std::string_view hint) {
  const nlohmann::ordered_json body{{"code", code}, {"message", message}, {"hint", hint}};
  return Response{.status = status, .body = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

}  // namespace membridge::receiver::http
