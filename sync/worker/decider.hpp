#pragma once

#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/apply/source.hpp"
#include "sync/worker/batch.hpp"
#include "sync/worker/options.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Decides about memories of one project after they were read: whether the read is final, whether the memory is present or gone,
/// whether anything must be applied, and how the claim ends. Functions throw postgres::SqlFailure.
class Decider {
 public:
  /// Both outlive it.
  Decider(const WorkerOptions& options, Batch& batch) : options_(options), batch_(batch) {}

  /// Call this first: compares the memories with the mirror, and finds the gone memories that must not be withdrawn.
  void LookUp(const ProjectId& project, const std::vector<WorkItem*>& items);

  /// Returns the source to apply for a memory; nothing when nothing must be applied now. `digest` is that of the project's
  /// mappings. Fills the item's settlement, standing, reading and fate.
  std::optional<Source> Decide(WorkItem& item, const std::string& digest);

 private:
  bool IsGoneForGood(const WorkItem& item) const;
  void HoldBack(const ProjectId& project, const std::vector<WorkItem*>& items);
  void Retry(WorkItem& item);
  std::optional<Source> DecideAbsent(WorkItem& item, const std::string& digest);
  std::optional<Source> DecideFound(WorkItem& item, const std::string& digest);
  static bool DecideListed(WorkItem& item);

  const WorkerOptions& options_;
  Batch& batch_;
};

}  // namespace membridge::sync
