#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/metrics.hpp"
#include "mappings/base/time.hpp"
#include "receiver/committer.hpp"
#include "receiver/http/server.hpp"
#include "receiver/metrics.hpp"
#include "receiver/verify/snapshot.hpp"
#include "receiver/verify/token.hpp"
#include "receiver/webhook_route.hpp"
#include "sync/inbox/postgres_inbox.hpp"

namespace membridge::admin {

/// `127.0.0.1:8080` or `[::1]:8080`
std::string AddressOf(const ListenAddress& listen);

/// Whether clients of that address are exempt from `http.connections_per_address`. These are loopback and every proxy that the
/// configuration trusts anywhere.
bool MayHaveManyConnections(const Config& config, const std::string& peer_address);

/// Receives deliveries: it connects listener, verification, committer and inboxes as configured. `config` outlives it. The
/// constructor binds the port; it throws std::runtime_error when it cannot.
class Reception {
 public:
  Reception(const Config& config, const std::string& state_dsn, const Clock& clock,
            const std::shared_ptr<const receiver::Snapshot<receiver::TokenSet>>& tokens, Metrics& metrics,
            const sync::PostgresInbox::OnStored& on_stored, const sync::PostgresInbox::CountsEvents& counts_events);

  /// The router of this listener, for more routes. Add them before Start().
  receiver::http::Router& Routes() { return router_; }
  std::uint16_t port() const { return server_.port(); }
  /// Whether the last attempts to store deliveries failed in a row, and recently. Any thread.
  bool StoringFails() const;
  /// Begins to take deliveries.
  void Start() { server_.Start(); }
  /// Stops taking deliveries. Answers every delivery that has begun to arrive, for at most `within`.
  void Stop(std::chrono::milliseconds within);

 private:
  void NoteAttempt(std::size_t deliveries, std::chrono::duration<double> took, bool stored);

  receiver::ReceiverMetrics metrics_;
  std::atomic<int> failures_in_a_row_{0};
  std::atomic<std::chrono::steady_clock::duration> failed_at_{};
  std::array<sync::PostgresInbox, 2> inboxes_;
  receiver::Committer committer_;
  const receiver::Snapshot<receiver::Verification> verification_;
  receiver::WebhookRoute route_;
  receiver::http::Router router_;
  receiver::http::Server server_;
};

}  // namespace membridge::admin
