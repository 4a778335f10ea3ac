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

/// Receives the requests of the admin API, checks them, calls their handlers and writes the audit. On the I/O thread it refuses
/// requests from other sites' pages and from blocked addresses. All other requests go to one of three pools of threads, by what
/// they may wait for, so that signing in and revoking a token work even while previews hang. There it checks token and role,
/// compares the request with the document, calls the handler and appends to the audit. A caller without a token gets only 401 and
/// does not even learn which paths exist. Threads: any.
class Api {
 public:
  struct Options {
    std::size_t threads = 6;                 ///< for calls that only use the state database
    std::size_t kept_free_threads = 2;       ///< for signing in and for tokens; no other call uses them
    std::size_t slow_threads = 4;            ///< for calls that wait for target tables or for Mem0
    std::size_t most_waiting = 64;           ///< calls waiting for each of the three pools; beyond: 503
    std::size_t largest_body = 1024 * 1024;  ///< bytes; beyond: 413. The listener's limit must be larger, or it answers first
    Throttle::Limits throttle{};
    std::vector<AdminToken> tokens{};         ///< of the configuration
    receiver::Networks trusted_proxies{};     ///< whose X-Forwarded-For is believed
    std::size_t most_anonymous_entries = 60;  ///< audit entries per minute for attempts without a valid token
  };

  /// Throws std::logic_error when an operation of the document has no handler, or a handler no operation. `clock` outlives it.
  Api(Options options, const std::string& state_dsn, Handlers handlers, const Clock& clock);
  ~Api();

  /// Adds all paths below /api/v1 to a router. The Api outlives the router.
  void AddTo(receiver::http::Router& router);

  /// The document that requests are checked against.
  const Document& GetDocument() const { return document_; }
  /// Receives one request to a path below /api/v1. The router calls it after AddTo().
  void Receive(receiver::http::Request&& request, const receiver::http::Reply& reply);
  /// Decides by the header alone: refuses callers that are blocked or send no token. All others count as unknown until the call
  /// is served.
  receiver::http::HeadVerdict CheckHead(const receiver::http::Request& head);

  /// Finishes the calls under way. Later calls are answered with 503.
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
