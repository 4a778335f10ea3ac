#pragma once

#include <vector>

#include "mappings/base/id.hpp"
#include "sync/apply/source.hpp"
#include "sync/worker/batch.hpp"
#include "sync/worker/options.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

/// Applies one project's memories of a batch: gives them to every mapping `from: memory`, and then their events to every mapping
/// `from: event`. Functions throw postgres::SqlFailure.
class ProjectApplier {
 public:
  /// Everything referred to outlives it.
  ProjectApplier(const WorkerOptions& options, Batch& batch, const ProjectId& project);

  /// The batch must hold the claims of all of them.
  void Apply(const std::vector<WorkItem*>& items);

 private:
  /// A memory that is given to the mappings, and the result.
  struct Given {
    WorkItem* item;
    bool wrote = false;
    bool parked = false;
    bool waits = false;
  };

  void GiveMemories(std::vector<Given>& given, const std::vector<Source>& sources);
  void Give(const MappingSet::Target& target, const Applier& applier, std::vector<Given>& given,
            const std::vector<Source>& sources);

  const WorkerOptions& options_;
  Batch& batch_;
  const ProjectId& project_;
  const MappingSet::Project& mapped_;
};

}  // namespace membridge::sync
