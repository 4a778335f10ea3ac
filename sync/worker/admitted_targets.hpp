#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// Knows the targets that a worker may write to in this round: those whose ledger belongs to this state (sync/targets). For one
/// thread. Everything referred to outlives it.
class AdmittedTargets {
 public:
  AdmittedTargets(TiedSessions& sessions, const MappingsInForce& mappings, const Clock& clock);

  /// Gets the admission to every target of the mappings in force, and repairs one that was taken over. Call it when a round
  /// begins, before anything is claimed, because claims must come after fences are raised. A target that is away counts as
  /// unknown and is asked again after a while.
  void Look();

  /// Whether all targets of the project may be written, as of Look(). kRefused: a target of it has the ledger of another state.
  Result<void> MayWrite(const ProjectId& project) const;
  /// Whether the target has the ledger of another state.
  bool IsRefused(const std::string& target) const;
  /// Returns the target's admission; null when the target is away or refused.
  const Admission* Find(const std::string& target) const;

  /// Call before `there` writes to the target under claims up to `fence`: enters the ledger (EnterLedger) and notes the fence in
  /// `state`. Throws SqlFailure with kLedgerChanged when the ledger may have changed since Look().
  void Enter(const MappingSet::Target& target, postgres::Transaction& there, postgres::Transaction& state, std::int64_t fence);

  /// Call when a ledger was taken over or restored since Look(): the next Look() asks all targets anew.
  void Forget();

 private:
  void Ask(const MappingSet& mappings, const MappingSet::Target& target);
  void Repair(const MappingSet& mappings, const MappingSet::Target& target, Admission admission);

  TiedSessions& sessions_;
  const MappingsInForce& mappings_;
  const Clock& clock_;
  std::map<std::string, Result<Admission>> admitted_;                          // by target, as it was when the round began
  std::map<std::string, std::chrono::steady_clock::time_point> failed_since_;  // targets that are away
};

}  // namespace membridge::sync
