#include "sync/worker/lock_patience.hpp"

#include <chrono>
#include <string>

#include "sync/postgres/timeouts.hpp"

namespace membridge::sync {
namespace {

/// lock_timeout for the rest of a round after one transaction hit it.
constexpr std::chrono::milliseconds kHurriedLock{250};

}  // namespace

postgres::Transaction LockPatience::Begin(postgres::Session& session) const {
  postgres::Transaction transaction = session.Begin();
  const std::chrono::milliseconds lock = postgres::TimeoutsInUse().lock;
  if (lost_ && (lock.count() == 0 || lock > kHurriedLock))
    transaction.Run("SET LOCAL lock_timeout TO " + std::to_string(kHurriedLock.count()));
  return transaction;
}

}  // namespace membridge::sync
