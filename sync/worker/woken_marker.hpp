#pragma once

#include <chrono>

#include "mappings/base/id.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/admitted_targets.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// Marks memories dirty when a row that they needed was made. It works in transactions of its own, which hold no lock of a target
/// while they wait for one of the queue's, nor the other way round: the two may be two databases, and neither would notice that
/// they wait for one another. For one thread; everything referred to outlives it.
class WokenMarker {
 public:
  /// It looks at least every `wake_every` for what others woke and did not live to mark.
  WokenMarker(std::chrono::seconds wake_every, TiedSessions& sessions, const AdmittedTargets& targets,
              const MappingsInForce& mappings);

  /// A row was made that other memories had looked for: the next Mark() looks at once.
  void Expect() { expected_ = true; }

  /// Looks for woken memories in every admitted target and marks them, when that is due. Throws nothing for a database that is
  /// away: it is looked at again later.
  void Mark();

 private:
  void MarkOf(const MappingSet::Target& target, const ProjectId& project);

  const std::chrono::seconds wake_every_;
  TiedSessions& sessions_;
  const AdmittedTargets& targets_;
  const MappingsInForce& mappings_;
  bool expected_ = true;  // somebody may be woken and not marked dirty yet
  std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace membridge::sync
