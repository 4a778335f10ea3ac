#pragma once

#include <functional>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/apply/applier.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/admitted_targets.hpp"
#include "sync/worker/batch.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/lock_patience.hpp"
#include "sync/worker/mapping_set.hpp"
#include "sync/worker/options.hpp"
#include "sync/worker/parked_retrier.hpp"
#include "sync/worker/woken_marker.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Applies memories that were read: writes rows, ledger, mirror and queue in one attempt, with one transaction per database. When
/// an attempt fails, the function throws and nothing of it stays. For one thread.
class BatchApplier {
 public:
  /// What it works with. Everything referred to outlives it.
  struct Tools {
    const WorkerOptions& options;
    TiedSessions& sessions;
    AdmittedTargets& targets;
    const LockPatience& patience;
    const MappingsInForce& mappings;
    const Clock& clock;
    WorkerCounters& counters;
    WokenMarker& woken;     ///< told when a row was made that other memories need
    ParkedRetrier& parked;  ///< told which tables changed
  };
  explicit BatchApplier(const Tools& tools) : tools_(tools) {}

  /// Applies claimed memories. Leaves out a claim that another worker has taken over.
  void ApplyClaimed(const std::vector<WorkItem*>& items, Applier::Refused refused);

  /// Applies records of one project that a list returned. Claims and applies in one transaction: nothing is read in between, so
  /// no other worker need see the claim. `also` may be empty; it runs last in the state's transaction.
  using Also = std::function<void(postgres::Transaction&)>;
  void ApplyListed(const ProjectId& project, const std::vector<WorkItem*>& items, Applier::Refused refused, const Also& also);

 private:
  Batch Open(Applier::Refused refused);
  void Conclude(Batch& batch, const std::vector<WorkItem*>& items, const Also& also);

  const Tools tools_;
};

}  // namespace membridge::sync
