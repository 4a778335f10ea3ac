#pragma once

#include <chrono>

#include "mappings/base/id.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/admitted_targets.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// Marks memories dirty when a row that they needed was made. It uses transactions of its own, which never hold a lock of a
/// target while they wait for a lock of the queue, nor the other way round: state and target may be two databases, and neither
/// could detect the deadlock. For one thread; everything referred to outlives it.
class WokenMarker {
 public:
  /// Looks at least every `wake_every` for woken memories that a dead worker did not mark.
  WokenMarker(std::chrono::seconds wake_every, TiedSessions& sessions, const AdmittedTargets& targets,
              const MappingsInForce& mappings);

  /// Call when a row was made that other memories had missed: the next Mark() looks at once.
  void Expect() { expected_ = true; }

  /// Marks the woken memories of every admitted target, when that is due. Does not throw when a target's database is away; looks
  /// at it again later.
  void Mark();

 private:
  void MarkOf(const MappingSet::Target& target, const ProjectId& project);

  const std::chrono::seconds wake_every_;
  TiedSessions& sessions_;
  const AdmittedTargets& targets_;
  const MappingsInForce& mappings_;
  bool expected_ = true;  // a memory may be woken and not marked dirty yet
  std::chrono::steady_clock::time_point looked_at_;
};

}  // namespace membridge::sync
