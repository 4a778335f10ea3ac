#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "admin/runtime/periodic.hpp"
#include "receiver/verify/snapshot.hpp"
#include "receiver/verify/token.hpp"
#include "sync/postgres/kept_session.hpp"

namespace membridge::admin {

/// Keeps the receiver's tokens equal to the database's: looks every second, so that a token another process issued opens the door
/// within kKnownWithin. While the database is away the last ones stay valid. Threads: one of its own, and any for ReloadNow().
class TokenWatch {
 public:
  /// How long after its commit a token may take to be known to every process of the deployment. The part that registers a token's
  /// URL waits that long first.
  static constexpr std::chrono::milliseconds kKnownWithin{3'000};

  /// Loads the tokens before it returns; throws postgres::SqlFailure when that fails.
  explicit TokenWatch(std::string state_dsn);

  std::shared_ptr<const receiver::Snapshot<receiver::TokenSet>> Tokens() const { return tokens_; }
  /// For a token this process just issued.
  void ReloadNow();

 private:
  std::shared_ptr<receiver::Snapshot<receiver::TokenSet>> tokens_;
  std::mutex mutex_;
  sync::postgres::KeptSession session_;  // guarded by mutex_
  std::optional<Periodic> thread_;       // last: it uses everything above
};

}  // namespace membridge::admin
