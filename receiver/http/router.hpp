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

/// Finds who answers a request. Matches whole paths, segment by segment, in one pass whatever the path; `.` and `..` mean
/// nothing. Threads: Add() before serving; calling it from any thread afterwards.
class Router {
 public:
  /// `pattern` is literal but for whole segments: `{name}` takes one segment that is not empty, and `{name...}`, only at the end,
  /// the rest, which may be empty and may hold slashes. Where several patterns fit, the first one added answers.
  /// A GET route answers HEAD too.
  void Add(std::string method, std::string_view pattern, Route route);
  /// The same, with a say before the body is in and a word on slashes.
  void Add(std::string method, PathPattern pattern, Route route, HeadRoute head);

  /// Before serving: `refused` is called, from any thread, with `no_such_path` or `wrong_method` for what no route takes.
  void OnRefused(std::function<void(std::string_view reason)> refused) { refused_ = std::move(refused); }

  /// Answers through the matching route; 404 when no pattern fits, 405 with Allow when none has the method, 400 when a
  /// parameter's percent-encoding is wrong or hides a NUL.
  void operator()(Request&& request, const Reply& reply) const;

  /// Before the body is in: refuses what operator() would refuse for its path or method, else asks the route. A route that was
  /// added without a say takes bodies of senders it does not know.
  HeadVerdict CheckHead(const Request& head) const;

 private:
  struct Entry {
    std::string method;
    PathPattern pattern;
    Route route;
    HeadRoute head;
  };
  /// Where a request goes: an entry and its parameters, or why it goes nowhere.
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

/// Turns `%41` into `A`. Nothing when a `%` is not followed by two hexadecimal digits, or stands for a NUL.
std::optional<std::string> PercentDecode(std::string_view text);

/// The value of `name` in a query string, decoded, with `+` as a blank; nothing when it is not there or not decodable.
std::optional<std::string> QueryValue(std::string_view query, std::string_view name);

}  // namespace membridge::receiver::http
