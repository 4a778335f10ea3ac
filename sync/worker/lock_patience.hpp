#pragma once

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// How long the transactions of one round wait for a lock: as long as every session does, and after one of them waited in vain
/// much less, so that the rest of the batch is not held up as well. For one thread.
class LockPatience {
 public:
  /// A round begins.
  void Renew() { lost_ = false; }
  /// Somebody held a lock for too long.
  void Lose() { lost_ = true; }

  /// A transaction that waits for locks no longer than this round still may. Throws postgres::SqlFailure.
  postgres::Transaction Begin(postgres::Session& session) const;

 private:
  bool lost_ = false;
};

}  // namespace membridge::sync
