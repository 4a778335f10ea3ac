#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "receiver/http/hooks.hpp"
#include "receiver/http/message.hpp"
#include "receiver/http/path_pattern.hpp"
#include "receiver/http/reply.hpp"

namespace membridge::receiver::http {

/// The decoded values of a pattern's `{…}` segments, in the pattern's order.
using Parameters = std::vector<std::string>;
using Route = std::function<void(Request&&, Parameters&&, Reply)>;
/// See HeadCheck.
using HeadRoute = std::function<HeadVerdict(const Request&, Parameters&&)>;

/// Finds the route that answers a request. Matches whole paths, segment by segment, in linear time; `.` and `..` have no special
/// meaning. Threads: call Add() before serving; afterwards any thread may call operator() and CheckHead().
class Router {
 public:
  /// Adds a route. For the form of `pattern` see PathPattern. When several patterns match, the first one added answers. A GET
  /// route also answers HEAD.
  void Add(std::string method, std::string_view pattern, Route route);
  /// Adds a route with a head check, which runs before the body is complete; the pattern says how slashes are read.
  void Add(std::string method, PathPattern pattern, Route route, HeadRoute head);

  /// Sets a function that is called with `no_such_path` or `wrong_method` for every request without a route. It is called from
  /// any thread. Call this before serving.
  void OnRefused(std::function<void(std::string_view reason)> refused) { refused_ = std::move(refused); }

  /// Answers through the matching route. Answers 404 when no pattern matches, 405 with Allow when no matching one has the method,
  /// and 400 when a parameter's percent-encoding is wrong or contains a NUL.
  void operator()(Request&& request, const Reply& reply) const;

  /// Checks a request before its body is complete. Refuses what operator() would refuse for its path or method, else asks the
  /// route's head check. For a route without a head check, the sender counts as unknown.
  HeadVerdict CheckHead(const Request& head) const;

 private:
  struct Entry {
    std::string method;
    PathPattern pattern;
    Route route;
    HeadRoute head;
  };
  /// Where a request goes: an entry and its parameters, or the refusal.
  struct Destination {
    const Entry* entry = nullptr;
    Parameters parameters{};
    Response refusal{};
  };
  Destination Find(const Request& request) const;
  Response RefuseMethod(const std::set<std::string>& allowed) const;
  void Note(std::string_view reason) const;

  std::vector<Entry> entries_;
  std::function<void(std::string_view)> refused_;
};

/// Decodes percent-encoding: `%41` becomes `A`. Returns nothing when a `%` is not followed by two hexadecimal digits, or encodes
/// a NUL.
std::optional<std::string> PercentDecode(std::string_view text);

/// Returns the decoded value of `name` in a query string, with `+` as a blank; nothing when it is absent or cannot be decoded.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

}  // namespace membridge::receiver::http
