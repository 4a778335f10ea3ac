#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/apply/applier.hpp"
#include "sync/worker/admitted_targets.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/lock_patience.hpp"
#include "sync/worker/mapping_set.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// One attempt to apply some memories: the state's transaction, and one for each other database with targets. Everything is
/// rolled back unless Commit() returns. For one thread. Functions throw postgres::SqlFailure.
class Batch {
 public:
  /// Begins the state's transaction. Everything referred to outlives the batch.
  Batch(TiedSessions& sessions, AdmittedTargets& targets, const LockPatience& patience,
        std::shared_ptr<const MappingSet> mappings, Instant now, Applier::Refused refused);

  postgres::Transaction& State() { return state_; }
  const MappingSet::Project& MappingsOf(const ProjectId& project) const { return mappings_->Of(project); }
  Instant Now() const { return now_; }
  BatchCounts& Counts() { return counts_; }

  /// Adds a claim's fence to the batch. Call it for each claim before anything is applied.
  void Cover(std::int64_t fence) { fence_ = std::max(fence_, fence); }

  /// Whether the target's ledger belongs to another state. If so, remembers that something was not applied there.
  bool LeavesOut(const MappingSet::Target& target);
  /// Gives the sources to a mapping of the target, in the target's transaction.
  std::vector<Outcome> Give(const MappingSet::Target& target, const Applier& applier, const std::vector<Source>& sources);

  /// Parks a memory for a mapping that refused it. Does not change Counts().
  void Park(const WorkItem& item, const std::string& mapping, const Outcome& outcome);
  /// Parks a memory because of Mem0's answer about it. Does not change what it said before.
  void ParkUnread(WorkItem& item, const Error& error);

  /// Runs deferred constraints and triggers now. Call it before the queue is changed, so that their refusals are handled like any
  /// other.
  void AskDeferred();
  /// Marks memories dirty whose older claim on a row became the newest again and could not be written. They are applied anew and
  /// then parked for it.
  void MarkPassedOver();
  void Commit();

  /// Whether a row was made that other memories had missed.
  bool Wakes() const { return wakes_; }
  /// Tables whose rows changed, `schema.name`.
  const std::set<std::string>& Written() const { return written_; }

 private:
  postgres::Transaction& TransactionOf(const MappingSet::Target& target);
  void Note(const Outcome& outcome);

  TiedSessions& sessions_;
  AdmittedTargets& targets_;
  const LockPatience& patience_;
  const std::shared_ptr<const MappingSet> mappings_;
  const Instant now_;
  const Applier::Refused refused_;
  postgres::Transaction state_;
  std::map<std::string, postgres::Transaction> elsewhere_;  // by DSN
  std::int64_t fence_ = 0;                                  // the highest of its claims
  std::set<std::string> entered_;                           // targets whose ledger was entered
  std::set<std::string> written_;
  std::vector<std::pair<ProjectId, MemoryId>> passed_over_;
  BatchCounts counts_;
  bool in_state_ = false;  // a target is in the state database
  bool wakes_ = false;
};

}  // namespace membridge::sync
