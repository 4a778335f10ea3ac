#pragma once

#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "admin/access/audit.hpp"
#include "admin/access/configured_use.hpp"
#include "admin/api/call.hpp"
#include "admin/api/document.hpp"
#include "admin/api/throttle.hpp"
#include "admin/api/work_pool.hpp"
#include "admin/config/config.hpp"
#include "mappings/base/time.hpp"
#include "receiver/http/router.hpp"
#include "receiver/verify/network.hpp"

namespace membridge::admin::api {

/// The way into the admin API: what may be asked, by whom, and what is written down of it. On the I/O thread: other sites' pages
/// and shut-out addresses are refused, everything else goes to a pool of threads by what it may have to wait for, so that signing
/// in and revoking a token work while previews hang. There: the token, the role, the document, the handler,
/// the audit. Nothing but 401 is told to somebody without a token, not even which paths there are. Threads: any.
class Api {
 public:
  struct Options {
    std::size_t threads = 6;                 ///< for calls that only ask the state database
    std::size_t kept_free_threads = 2;       ///< for signing in and for tokens: no other call ever holds them
    std::size_t slow_threads = 4;            ///< for calls that wait for target tables or for Mem0
    std::size_t most_waiting = 64;           ///< calls of each of the three; beyond: 503
    std::size_t largest_body = 1024 * 1024;  ///< bytes; beyond: 413. The listener must take a little more, or it answers first
    Throttle::Limits throttle{};
    std::vector<AdminToken> tokens{};         ///< of the configuration
    receiver::Networks trusted_proxies{};     ///< whose X-Forwarded-For is believed
    std::size_t most_anonymous_entries = 60;  ///< audit entries a minute for attempts without a right token
  };

  /// Every operation of the document must have a handler and every handler an operation; else std::logic_error. `clock` outlives
  /// it.
  Api(Options options, const std::string& state_dsn, Handlers handlers, const Clock& clock);
  ~Api();

  /// Adds everything below /api/v1 to a router that it outlives.
  void AddTo(receiver::http::Router& router);

  /// What requests are checked against.
  const Document& GetDocument() const { return document_; }
  /// One request to a path below /api/v1, as AddTo() has the router pass it on.
  void Receive(receiver::http::Request&& request, const receiver::http::Reply& reply);
  /// By the header alone: refuses those who are shut out or show no token. Everybody else is a stranger until the call is served.
  receiver::http::HeadVerdict CheckHead(const receiver::http::Request& head);

  /// Finishes the calls under way; later ones are answered 503.
  void Stop();

 private:
  struct Arrival;

  std::string SourceOf(const receiver::http::Request& request) const;
  std::optional<Problem> ShutOut(const std::string& source);
  WorkPool& PoolFor(const Operation* operation);
  receiver::http::Response Serve(const Arrival& arrival, WorkPool::Connection& connection);
  Answer LetIn(const Arrival& arrival, sync::postgres::Session& state);
  std::optional<Caller> SignIn(const Arrival& arrival, sync::postgres::Session& state);
  Answer ForCaller(const Arrival& arrival, const Caller& caller, sync::postgres::Session& state);
  std::optional<Problem> Check(const Arrival& arrival, Call& call) const;
  void RecordAnonymous(const Arrival& arrival, sync::postgres::Session& state, const std::string& action, const Problem& problem);

  const Document document_;
  const Options options_;
  const Handlers handlers_;
  const Clock& clock_;
  ConfiguredUse configured_use_;
  Throttle throttle_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point minute_began_{};  // guarded by mutex_
  std::size_t entries_this_minute_ = 0;                   // guarded by mutex_
  std::size_t unrecorded_ = 0;                            // guarded by mutex_
  // Last: their jobs use everything above.
  WorkPool pool_;
  WorkPool kept_free_pool_;
  WorkPool slow_pool_;
};

}  // namespace membridge::admin::api
