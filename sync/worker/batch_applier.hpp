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

/// Turns memories that were read into rows, ledger, mirror and queue: one attempt, in one transaction per database. Functions
/// throw what makes the attempt fail, and then nothing of it stays. For one thread.
class BatchApplier {
 public:
  /// What it works with; all of it outlives it.
  struct Tools {
    const WorkerOptions& options;
    TiedSessions& sessions;
    AdmittedTargets& targets;
    const LockPatience& patience;
    const MappingsInForce& mappings;
    const Clock& clock;
    WorkerCounters& counters;
    WokenMarker& woken;     ///< is told when a row was made that others need
    ParkedRetrier& parked;  ///< is told which tables changed
  };
  explicit BatchApplier(const Tools& tools) : tools_(tools) {}

  /// Memories that are claimed. A claim that another worker has meanwhile is left alone.
  void ApplyClaimed(const std::vector<WorkItem*>& items, Applier::Refused refused);

  /// Records that a list brought, of one project. Claiming and applying are one transaction: nothing is read in between, so
  /// nobody else need see the claim. `also` may be empty; it runs last in the state's transaction.
  using Also = std::function<void(postgres::Transaction&)>;
  void ApplyListed(const ProjectId& project, const std::vector<WorkItem*>& items, Applier::Refused refused, const Also& also);

 private:
  Batch Open(Applier::Refused refused);
  void Conclude(Batch& batch, const std::vector<WorkItem*>& items, const Also& also);

  const Tools tools_;
};

}  // namespace membridge::sync
