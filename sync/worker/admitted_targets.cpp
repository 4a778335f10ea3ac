#include "sync/worker/admitted_targets.hpp"

#include <utility>

#include "mappings/base/log.hpp"
#include "sync/worker/repair.hpp"

namespace membridge::sync {

AdmittedTargets::AdmittedTargets(TiedSessions& sessions, const MappingsInForce& mappings, const Clock& clock)
    : sessions_(sessions), mappings_(mappings), clock_(clock) {}

void AdmittedTargets::Look() {
  admitted_.clear();
  const auto set = mappings_();
  for (const auto& [project, mapped] : set->projects) {
    for (const MappingSet::Target& target : mapped.targets) {
      if (!admitted_.contains(target.name)) Ask(*set, target);
    }
  }
}

void AdmittedTargets::Ask(const MappingSet& mappings, const MappingSet::Target& target) {
  const auto failed = failed_since_.find(target.name);
  if (failed != failed_since_.end() && std::chrono::steady_clock::now() - failed->second < LedgerTies::kLookEvery) return;
  try {
    postgres::Session& state = sessions_.State();
    const Result<Admission>& admitted = sessions_.Ties().Renew(state, sessions_.Target(target.dsn), target.name);
    failed_since_.erase(target.name);
    if (!admitted && admitted.error().code != ErrorCode::kRefused) return;
    admitted_.emplace(target.name, admitted);
    if (admitted && !admitted->repair.empty()) Repair(mappings, target, Admission{*admitted});
  } catch (const postgres::SqlFailure&) {
    // The failure is reported when a batch tries to write to the target.
    failed_since_[target.name] = std::chrono::steady_clock::now();
  }
}

void AdmittedTargets::Repair(const MappingSet& mappings, const MappingSet::Target& target, Admission admission) {
  postgres::Session& state = sessions_.State();
  postgres::Session& there = sessions_.Target(target.dsn);
  try {
    if (!RepairTarget({state, there, sessions_.StateDsn(), target.name, mappings, clock_.Now()}, admission)) return;
    admission.repair.clear();
    sessions_.Ties().Trust(target.name, admission);
    admitted_.insert_or_assign(target.name, admission);
  } catch (const postgres::SqlFailure& failure) {
    // The finished steps stay done, and the next round repairs again.
    Log(LogLevel::kWarn, "target_repair_failed", {{"target", target.name}, {"error", failure.what()}});
  }
}

Result<void> AdmittedTargets::MayWrite(const ProjectId& project) const {
  for (const MappingSet::Target& target : mappings_()->Of(project).targets) {
    const auto admitted = admitted_.find(target.name);
    if (admitted != admitted_.end() && !admitted->second) return tl::unexpected<Error>(admitted->second.error());
  }
  return {};
}

bool AdmittedTargets::IsRefused(const std::string& target) const {
  const auto admitted = admitted_.find(target);
  return admitted != admitted_.end() && !admitted->second;
}

const Admission* AdmittedTargets::Find(const std::string& target) const {
  const auto admitted = admitted_.find(target);
  return admitted != admitted_.end() && admitted->second ? &*admitted->second : nullptr;
}

void AdmittedTargets::Enter(const MappingSet::Target& target, postgres::Transaction& there, postgres::Transaction& state,
                            std::int64_t fence) {
  const auto changed = [&] {
    return postgres::SqlFailure(
        {.sqlstate = kLedgerChanged, .message = "the ledger of target " + target.name + " is looked at anew"});
  };
  const Admission* admission = Find(target.name);
  if (admission == nullptr) throw changed();
  if (sessions_.Ties().Find(target.name) == nullptr) {
    // A session broke since the round began, and the new one may lead to a restored database. Use new sessions for the check,
    // because the kept ones are in the middle of a transaction.
    postgres::Session other_state = sessions_.Another(std::nullopt);
    postgres::Session other_there = sessions_.Another(target.dsn);
    const LedgerLook look = LedgerTie{other_state, other_there, target.name}.Look();
    if (look.standing != LedgerLook::Standing::kOurs || look.known != admission->known) throw changed();
    sessions_.Ties().Trust(target.name, *admission);
  }
  EnterLedger(there, admission->known, fence);
  if (target.dsn) NoteEntered(state, admission->ledger, fence);
}

void AdmittedTargets::Forget() {
  sessions_.Ties().Forget();
  failed_since_.clear();
}

}  // namespace membridge::sync
