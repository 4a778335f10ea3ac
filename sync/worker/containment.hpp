#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <vector>

#include "sync/apply/applier.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/lock_patience.hpp"
#include "sync/worker/options.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Finds the memory at fault when a batch fails: it halves the batch until that memory is alone, and does with it what
/// postgres::RemedyFor() says. For one thread; everything referred to outlives it.
class Containment {
 public:
  /// Applies these memories in one transaction. Any exception that it throws is a failure of the memories.
  using Attempt = std::function<void(const std::vector<WorkItem*>&, Applier::Refused)>;
  /// Reads the targets' tables again; may be empty.
  using LookAtTables = std::function<void()>;

  Containment(const WorkerOptions& options, TiedSessions& sessions, LockPatience& patience, LookAtTables look_at_tables,
              WorkerCounters& counters);

  /// Begins a round, which may last for half a lease.
  void Begin();
  /// Attempts all memories, and halves of them where they fail. Throws failures that stop all workers: a database that is away,
  /// read-only or full.
  void Contain(const std::vector<WorkItem*>& items, const Attempt& attempt);
  /// The same for memories that failed together already.
  void Divide(const std::vector<WorkItem*>& items, const Attempt& attempt);
  /// Call it inside the handler of a failure. Returns when the rest of the batch may go on; rethrows the failure when all workers
  /// have to stop.
  void MayGoOn(const std::exception& failure);
  /// Puts memories back for which no time was left, as if they had not been claimed.
  void PutOff(const std::vector<WorkItem*>& items);

 private:
  void ContainOne(WorkItem& item, const Attempt& attempt);
  void LookAgainAtTables();
  void ParkAlone(WorkItem& item, const std::exception& failure);
  void PutBackBlocked(WorkItem& item, const std::exception& failure);
  void SettleOne(WorkItem& item, const Settlement& settlement);

  const WorkerOptions& options_;
  TiedSessions& sessions_;
  LockPatience& patience_;
  const LookAtTables look_at_tables_;
  WorkerCounters& counters_;
  std::chrono::steady_clock::time_point looked_at_tables_;
  std::chrono::steady_clock::time_point began_;
};

}  // namespace membridge::sync
