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

/// Keeps the receiver's tokens up to date with the database. It looks every second, so that a token from another process is
/// accepted within kKnownWithin. While the database is away, the last known tokens stay valid. Threads: one of its own, and any
/// for ReloadNow().
class TokenWatch {
 public:
  /// The longest time from a token's commit until every process of the deployment accepts it. A token's URL is registered only
  /// after this time.
  static constexpr std::chrono::milliseconds kKnownWithin{3'000};

  /// Loads the tokens before it returns; throws postgres::SqlFailure when that fails.
  explicit TokenWatch(std::string state_dsn);

  std::shared_ptr<const receiver::Snapshot<receiver::TokenSet>> Tokens() const { return tokens_; }
  /// Loads the tokens now. Call it after this process has issued a token. Throws postgres::SqlFailure.
  void ReloadNow();

 private:
  std::shared_ptr<receiver::Snapshot<receiver::TokenSet>> tokens_;
  std::mutex mutex_;
  sync::postgres::KeptSession session_;  // guarded by mutex_
  std::optional<Periodic> thread_;       // last: it uses everything above
};

}  // namespace membridge::admin
