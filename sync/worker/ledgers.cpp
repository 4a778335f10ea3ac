// The part of Worker that writes only to targets whose ledger is this state's.
#include "mappings/base/log.hpp"
#include "sync/worker/repair.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {

/// Before anything is claimed: when fences are lifted, claims must come after that.
void Worker::LookAtLedgers() {
  admitted_.clear();
  const auto set = mappings_();
  for (const auto& [project, mapped] : set->projects) {
    for (const MappingSet::Target& target : mapped.targets) {
      if (admitted_.contains(target.name)) continue;
      const auto vain = looked_in_vain_.find(target.name);
      if (vain != looked_in_vain_.end() && std::chrono::steady_clock::now() - vain->second < LedgerTies::kLookEvery) continue;
      try {
        postgres::Session& state = State();
        postgres::Session& there = target.dsn ? TargetSession(*target.dsn) : state;
        const Result<Admission>& admitted = ties_.Renew(state, there, target.name);
        looked_in_vain_.erase(target.name);
        if (!admitted && admitted.error().code != ErrorCode::kRefused) continue;
        admitted_.emplace(target.name, admitted);
        if (admitted && !admitted->repair.empty()) Repair(*set, target, Admission{*admitted});
      } catch (const postgres::SqlFailure&) {
        // Whoever wants to write there finds out what it is.
        looked_in_vain_[target.name] = std::chrono::steady_clock::now();
        continue;
      }
    }
  }
}

void Worker::Repair(const MappingSet& mappings, const MappingSet::Target& target, Admission admission) {
  postgres::Session& state = State();
  postgres::Session& there = target.dsn ? TargetSession(*target.dsn) : state;
  try {
    if (!RepairTarget({state, there, state_dsn_, target.name, mappings, clock_.Now()}, admission)) return;
    admission.repair.clear();
    ties_.Trust(target.name, admission);
    admitted_.insert_or_assign(target.name, admission);
  } catch (const postgres::SqlFailure& failure) {
    // What was done stays done; the next round begins again.
    Log(LogLevel::kWarn, "target_repair_failed", {{"target", target.name}, {"error", failure.what()}});
  }
}

bool Worker::IsRefused(const std::string& target) const {
  const auto admitted = admitted_.find(target);
  return admitted != admitted_.end() && !admitted->second;
}

Result<void> Worker::MayWrite(const ProjectId& project) {
  LookAtLedgers();
  for (const MappingSet::Target& target : mappings_()->Of(project).targets) {
    const auto admitted = admitted_.find(target.name);
    if (admitted != admitted_.end() && !admitted->second) return tl::unexpected<Error>(admitted->second.error());
  }
  return {};
}

void Worker::Enter(Batch& batch, const MappingSet::Target& target, postgres::Transaction& transaction) {
  const auto admitted = admitted_.find(target.name);
  const auto changed = [&] {
    return postgres::SqlFailure(
        {.sqlstate = kLedgerChanged, .message = "the ledger of target " + target.name + " is looked at anew"});
  };
  if (admitted == admitted_.end() || !admitted->second) throw changed();
  const Admission& admission = *admitted->second;
  if (ties_.Find(target.name) == nullptr) {
    // A session broke since the round began, and behind the new one may be a restored database.
    postgres::Session state{state_dsn_, "membridge worker"};
    postgres::Session there{target.dsn.value_or(state_dsn_), "membridge worker"};
    const LedgerLook look = LedgerTie{state, there, target.name}.Look();
    if (look.standing != LedgerLook::Standing::kOurs || look.known != admission.known) throw changed();
    ties_.Trust(target.name, admission);
  }
  EnterLedger(transaction, admission.known, batch.fence);
  if (target.dsn) NoteEntered(batch.state, admission.ledger, batch.fence);
}

/// Somebody took a ledger over, or it was restored, since the round began: nothing was written, and everything is claimed anew.
void Worker::PutBackUnwritten(std::vector<Item>& items) {
  ties_.Forget();
  looked_in_vain_.clear();
  std::vector<Item*> all;
  for (Item& item : items) all.push_back(&item);
  PutOff(all);
}

}  // namespace membridge::sync
