#include "receiver/http/router.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace membridge::receiver::http {
namespace {

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

}  // namespace

std::optional<std::string> PercentDecode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto high = HexDigit(text[i + 1]);
    const auto low = HexDigit(text[i + 2]);
    if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
    decoded += static_cast<char>(*high * 16 + *low);
    i += 2;
  }
  return decoded;
}

std::optional<std::string> QueryValue(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = std::min(pair.find('='), pair.size());
    if (PercentDecode(pair.substr(0, equals)) != name) continue;
    std::string value{pair.substr(std::min(equals + 1, pair.size()))};
    std::replace(value.begin(), value.end(), '+', ' ');
    return PercentDecode(value);
  }
  return std::nullopt;
}

void Router::Add(std::string method, std::string_view pattern, Route route) {
  Add(std::move(method), PathPattern{pattern}, std::move(route), {});
}

void Router::Add(std::string method, PathPattern pattern, Route route, HeadRoute head) {
  entries_.push_back({std::move(method), std::move(pattern), std::move(route), std::move(head)});
}

void Router::Note(std::string_view reason) const {
  if (refused_) refused_(reason);
}

Router::Destination Router::Find(const Request& request) const {
  const std::string_view method = request.method == "HEAD" ? std::string_view{"GET"} : std::string_view{request.method};
  std::set<std::string> allowed;
  for (const Entry& entry : entries_) {
    const auto matched = entry.pattern.Match(request.target);
    if (!matched) continue;
    if (entry.method != method) {
      allowed.insert(entry.method);
      if (entry.method == "GET") allowed.insert("HEAD");
      continue;
    }
    Destination found{.entry = &entry};
    for (const std::string_view encoded : *matched) {
      auto decoded = PercentDecode(encoded);
      if (!decoded) {
        Note("no_such_path");
        return {.refusal = Refusal(400, "bad_request", "the path is not properly percent-encoded")};
      }
      found.parameters.push_back(std::move(*decoded));
    }
    return found;
  }
  if (!allowed.empty()) return {.refusal = RefuseMethod(allowed)};
  Note("no_such_path");
  return {.refusal = Refusal(404, "not_found", "there is nothing at this path")};
}

Response Router::RefuseMethod(const std::set<std::string>& allowed) const {
  Note("wrong_method");
  const std::string allow = fmt::format("{}", fmt::join(allowed, ", "));
  Response response = Refusal(405, "method_not_allowed", "this path does not take that method", "allowed: " + allow);
  response.headers.push_back({"Allow", allow});
  return response;
}

void Router::operator()(Request&& request, const Reply& reply) const {
  Destination to = Find(request);
  if (to.entry == nullptr) return reply.Send(std::move(to.refusal));
  to.entry->route(std::move(request), std::move(to.parameters), reply);
}

HeadVerdict Router::CheckHead(const Request& head) const {
  Destination to = Find(head);
  if (to.entry == nullptr) return {.refusal = std::move(to.refusal)};
  return to.entry->head ? to.entry->head(head, std::move(to.parameters)) : HeadVerdict{};
}

}  // namespace membridge::receiver::http
