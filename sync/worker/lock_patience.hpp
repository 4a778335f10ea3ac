#pragma once

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Decides how long the transactions of one round wait for a lock: at first as long as every session. After one of them hit the
/// timeout, the others wait much less, so that the rest of the batch is not held up as well. For one thread.
class LockPatience {
 public:
  /// Call when a round begins.
  void Renew() { lost_ = false; }
  /// Call when a lock was not released in time.
  void Lose() { lost_ = true; }

  /// Begins a transaction whose lock timeout is what this round still allows. Throws postgres::SqlFailure.
  postgres::Transaction Begin(postgres::Session& session) const;

 private:
  bool lost_ = false;
};

}  // namespace membridge::sync
