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

/// Makes memories fail alone: what fails is halved until the memory at fault is alone, and postgres::RemedyFor() says what
/// becomes of it. For one thread; everything referred to outlives it.
class Containment {
 public:
  /// One transaction for these. Any exception of it is a failure of the memories.
  using Attempt = std::function<void(const std::vector<WorkItem*>&, Applier::Refused)>;
  /// Reads the targets' tables again; may be empty.
  using LookAtTables = std::function<void()>;

  Containment(const WorkerOptions& options, TiedSessions& sessions, LockPatience& patience, LookAtTables look_at_tables,
              WorkerCounters& counters);

  /// A round begins: half a lease from now on it is over.
  void Begin();
  /// Attempts all of them, in parts where they fail. Throws what stops everybody: a database that is away, read-only or full.
  void Contain(const std::vector<WorkItem*>& items, const Attempt& attempt);
  /// The same for memories that failed together already.
  void Divide(const std::vector<WorkItem*>& items, const Attempt& attempt);
  /// Call it inside the handler of a failure: returns when what is left of the batch may go on, and throws the failure on when
  /// all have to stop.
  void MayGoOn(const std::exception& failure);
  /// There was no time left for these: as if they had not been claimed.
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
