#include "sync/backfill/export_concluder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/backfill/export_answer.hpp"
#include "sync/backfill/export_cursor.hpp"
#include "sync/backfill/export_user.hpp"
#include "sync/queue/parking.hpp"
#include "sync/queue/queue.hpp"
#include "sync/queue/suppression.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// The claim that stands for a user's job in the table of parked memories.
Claim ClaimOf(const Run& run, const ExportJob& job) {
  Claim claim;
  claim.project = run.project;
  claim.memory = ParkedUser(job.entity);
  return claim;
}

}  // namespace

Job::Step ExportConcluder::Conclude(Run& run, const ExportUse& use, const ExportJob& job, const Answer& answer) {
  std::optional<Error> refusal = answer.refusal;
  std::optional<ExportAnswer> read;
  if (!refusal) {
    auto parsed = ReadExportAnswer(*answer.filled, use.schema);
    if (parsed) {
      read = std::move(*parsed);
    } else {
      refusal = parsed.error();
    }
  }
  ExportWrites writes{sessions_};
  postgres::Transaction& state = writes.State();
  if (!Suppression{state}.UsersAmong(run.project, {job.entity}).empty()) {
    // The user was erased while Mem0 made the export.
    ExportJobs{state, run}.Put(job, "done", clock_.Now(), "");
    return steps_.End(state, run);
  }
  bool parked = refusal.has_value();
  if (refusal) {
    const std::string& file = use.places.front().applier->Definition().file;
    Parked{state}.Park(ClaimOf(run, job),
                       {run.options.mapping, refusal->code, refusal->message, refusal->hint, file, "", {}, false});
  } else {
    parked = !Apply(writes, run, use, job, read->values, answer.completed);
    run.Count("extra_keys", static_cast<std::int64_t>(read->extra_keys));
  }
  if (parked) {
    Log(LogLevel::kError, "export_parked", {{"project", run.project.Text()}, {"mapping", run.options.mapping}, {"run", run.id}});
  } else {
    Parked{state}.Unpark({ClaimOf(run, job)}, {run.options.mapping});
    ExportJobs{state, run}.Remember(job, use.asked);
  }
  ExportJobs{state, run}.Put(job, parked ? "parked" : "done", clock_.Now(), "");
  writes.CommitElsewhere();
  return steps_.End(state, run);
}

/// Applies an answer in every target. Returns false when one of them parked it.
bool ExportConcluder::Apply(ExportWrites& writes, Run& run, const ExportUse& use, const ExportJob& job, const json& values,
                            Instant completed) {
  Source source;
  source.project = run.project;
  source.id = job.entity;
  source.stamp = completed;
  source.fence = ExportJobs{writes.State(), run}.NextFence();
  source.names["export"] = values;
  source.names["export"].update({{"id", job.export_id}, {"user_id", job.entity}, {"completed_at", FormatRfc3339(completed)}});
  bool applied = true;
  for (const ExportPlace& place : use.places) {
    postgres::Transaction& transaction = writes.Of(place, source.fence);
    const Outcome outcome = place.applier->Apply(transaction, {source}, clock_.Now()).front();
    if (outcome.kind != Outcome::Kind::kParked) continue;
    applied = false;
    Parked{writes.State()}.Park(
        ClaimOf(run, job),
        {run.options.mapping, outcome.code, outcome.cause, outcome.hint, outcome.place, outcome.sqlstate, {}, false});
  }
  return applied;
}

Job::Step ExportConcluder::Withdraw(Run& run, const ExportUse& use) {
  ExportWrites writes{sessions_};
  postgres::Transaction& state = writes.State();
  ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  cursor.phase = ExportCursor::Phase::kOver;
  run.cursor = cursor.AsJson();
  if (!cursor.whole) return steps_.End(state, run);
  const std::vector<std::string> vanished = ExportJobs{state, run}.Vanished();
  const double allowed = std::max(static_cast<double>(options_.vanishing_at_least),
                                  options_.vanishing_share * static_cast<double>(ExportJobs{state, run}.Known()));
  if (static_cast<double>(vanished.size()) > allowed && !run.options.allow_vanishing) {
    cursor.note =
        fmt::format("{} users are gone from Mem0, more than may vanish at once: their rows were left alone", vanished.size());
    run.cursor = cursor.AsJson();
    return steps_.End(state, run);
  }
  WithdrawAll(writes, run, use, vanished);
  writes.CommitElsewhere();
  return steps_.End(state, run);
}

void ExportConcluder::WithdrawAll(ExportWrites& writes, Run& run, const ExportUse& use, const std::vector<std::string>& users) {
  std::vector<Source> sources;
  for (const std::string& user : users) {
    Source& source = sources.emplace_back();
    source.project = run.project;
    source.id = user;
    source.stamp = clock_.Now();
    source.fence = ExportJobs{writes.State(), run}.NextFence();
    source.speaks = false;
  }
  std::set<std::string> refused;
  for (const ExportPlace& place : use.places) {
    postgres::Transaction& transaction = writes.Of(place, sources.empty() ? 0 : sources.back().fence);
    const std::vector<Outcome> outcomes = place.applier->Apply(transaction, sources, clock_.Now());
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
      if (outcomes[i].kind == Outcome::Kind::kParked) refused.insert(users[i]);
    }
  }
  // The next run withdraws what a constraint kept from being withdrawn now.
  std::vector<std::string> withdrawn;
  for (const std::string& user : users) {
    if (!refused.contains(user)) withdrawn.push_back(user);
  }
  ExportJobs{writes.State(), run}.Forget(withdrawn);
  run.Count("withdrawn", static_cast<std::int64_t>(withdrawn.size()));
  if (refused.empty()) return;
  run.Count("withdrawals_refused", static_cast<std::int64_t>(refused.size()));
  Log(LogLevel::kError, "export_withdrawals_refused",
      {{"project", run.project.Text()}, {"mapping", run.options.mapping}, {"users", refused.size()}});
}

}  // namespace membridge::sync
