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

/// The targets that a worker may write to in this round: those whose ledger is this state's (sync/targets). For one thread.
/// Everything referred to outlives it.
class AdmittedTargets {
 public:
  AdmittedTargets(TiedSessions& sessions, const MappingsInForce& mappings, const Clock& clock);

  /// Asks every target of the mappings in force, and repairs one that was taken over. Call it when a round begins, before
  /// anything is claimed: when fences are lifted, claims must come after that. A target that is away is asked again after a while
  /// and is not known until then.
  void Look();

  /// Whether everything of the project may be written, as far as Look() knows. kRefused: a target of it has the ledger of another
  /// state.
  Result<void> MayWrite(const ProjectId& project) const;
  /// Whether the target has the ledger of another state.
  bool IsRefused(const std::string& target) const;
  /// Null: the target is away, or refused.
  const Admission* Find(const std::string& target) const;

  /// Lets the transaction in, which is about to write to the target under claims up to `fence`; `state` remembers that. Throws
  /// SqlFailure of kLedgerChanged when the ledger may not be what Look() saw.
  void Enter(const MappingSet::Target& target, postgres::Transaction& there, postgres::Transaction& state, std::int64_t fence);

  /// Somebody took a ledger over, or it was restored, since Look(): all targets are asked anew by the next one.
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
