#pragma once

#include <functional>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/memory.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/batch_applier.hpp"
#include "sync/worker/containment.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Applies records that a list returned, in one batch, or in halves where some of them fail. For one thread; everything referred
/// to outlives it.
class ListedRecords {
 public:
  /// See Worker::ApplyRecords.
  using Also = std::function<void(postgres::Transaction&, const std::vector<RecordFate>&)>;

  ListedRecords(TiedSessions& sessions, Containment& containment, BatchApplier& applier);

  /// Call it within a round of the containment. Throws postgres::SqlFailure when a database is away, read-only or full, and what
  /// `also` throws.
  void Apply(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also, bool exact);
  /// Whether the last of them had to be applied in parts.
  bool WereDivided() const { return divided_; }

 private:
  void ApplyAll(const ProjectId& project, const std::vector<WorkItem*>& all, const Also& also);

  TiedSessions& sessions_;
  Containment& containment_;
  BatchApplier& applier_;
  bool divided_ = false;
};

}  // namespace membridge::sync
