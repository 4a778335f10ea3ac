#include "sync/worker/batch.hpp"

#include "mappings/base/log.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/parking.hpp"

namespace membridge::sync {

Batch::Batch(TiedSessions& sessions, AdmittedTargets& targets, const LockPatience& patience,
             std::shared_ptr<const MappingSet> mappings, Instant now, Applier::Refused refused)
    : sessions_(sessions),
      targets_(targets),
      patience_(patience),
      mappings_(std::move(mappings)),
      now_(now),
      refused_(refused),
      state_(patience.Begin(sessions.State())) {}

bool Batch::LeavesOut(const MappingSet::Target& target) {
  if (!targets_.IsRefused(target.name)) return false;
  NoteLeftOut(state_, target.name);
  return true;
}

postgres::Transaction& Batch::TransactionOf(const MappingSet::Target& target) {
  in_state_ = in_state_ || !target.dsn;
  postgres::Transaction* transaction = &state_;
  if (target.dsn) {
    auto open = elsewhere_.find(*target.dsn);
    if (open == elsewhere_.end()) open = elsewhere_.emplace(*target.dsn, patience_.Begin(sessions_.Target(target.dsn))).first;
    transaction = &open->second;
  }
  if (entered_.insert(target.name).second) targets_.Enter(target, *transaction, state_, fence_);
  return *transaction;
}

std::vector<Outcome> Batch::Give(const MappingSet::Target& target, const Applier& applier, const std::vector<Source>& sources) {
  std::vector<Outcome> outcomes = applier.Apply(TransactionOf(target), sources, now_, false, refused_);
  for (const Outcome& outcome : outcomes) Note(outcome);
  return outcomes;
}

/// Notes what an outcome means for other memories.
void Batch::Note(const Outcome& outcome) {
  wakes_ = wakes_ || outcome.wakes;
  written_.insert(outcome.written.begin(), outcome.written.end());
  passed_over_.insert(passed_over_.end(), outcome.passed_over.begin(), outcome.passed_over.end());
}

void Batch::Park(const WorkItem& item, const std::string& mapping, const Outcome& outcome) {
  const Claim& claim = item.claim;
  Parking parking{mapping, outcome.code, outcome.cause, outcome.hint, outcome.place, outcome.sqlstate, outcome.depends_on};
  parking.counts = item.is_final;
  Parked{state_}.Park(claim, parking);
  Log(LogLevel::kError, "memory_parked",
      {{"project", claim.project.Text()},
       {"memory", claim.memory.Text()},
       {"mapping", mapping},
       {"place", outcome.place},
       {"sqlstate", outcome.sqlstate},
       {"code", NameOf(outcome.code)}});
}

void Batch::ParkUnread(WorkItem& item, const Error& error) {
  Parked{state_}.Park(item.claim, {"", error.code, error.message, error.hint, "", ""});
  Log(LogLevel::kError, "memory_parked",
      {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"code", NameOf(error.code)}});
  item.settlement = Settlement{};
  ++counts_.parked;
}

void Batch::AskDeferred() {
  if (refused_ == Applier::Refused::kParked) return;  // each mapping asked its own
  const auto ask = [](postgres::Transaction& transaction) {
    transaction.EnterRolesPath();
    transaction.RunScript("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED");
    transaction.LeaveRolesPath();
  };
  for (auto& [dsn, transaction] : elsewhere_) ask(transaction);
  if (in_state_) ask(state_);
}

void Batch::MarkPassedOver() {
  std::map<ProjectId, std::vector<MemoryId>> by_project;
  for (const auto& [project, memory] : passed_over_) by_project[project].push_back(memory);
  for (const auto& [project, memories] : by_project) {
    Mirror{state_}.ForgetApplied(project, memories);
    Queue{state_}.Mark(project, memories, kReproject);
    Log(LogLevel::kWarn, "claims_passed_over", {{"project", project.Text()}, {"memories", memories.size()}});
  }
}

void Batch::Commit() {
  // Commit elsewhere first. If the state's commit then fails, the work is repeated and finds the other databases already written.
  for (auto& [dsn, transaction] : elsewhere_) transaction.Commit();
  state_.Commit();
}

}  // namespace membridge::sync
