#include "receiver/http/message.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "mappings/base/exact_json.hpp"

namespace membridge::receiver::http {
namespace {

// std::tolower asks the locale, which is many times slower.
char Lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

bool EqualsIgnoringCase(std::string_view left, std::string_view right) {
  return std::ranges::equal(left, right, {}, Lowered, Lowered);
}

std::optional<std::string> Request::Find(std::string_view name) const {
  for (const Header& header : headers) {
    if (EqualsIgnoringCase(header.name, name)) return header.value;
  }
  return std::nullopt;
}

Response Refusal(int status, std::string_view code, std::string_view message, std::string_view hint) {
  const nlohmann::ordered_json body{{"code", code}, {"message", message}, {"hint", hint}};
  return Response{.status = status, .body = mappings::ExactText(body)};
}

Response TooMuchAtOnce() {
  Response busy = Refusal(503, "unavailable", "too many requests are being received", "try again shortly");
  busy.headers.push_back({"Retry-After", "1"});
  return busy;
}

}  // namespace membridge::receiver::http
