#include "sync/backfill/export_steps.hpp"

#include <fmt/format.h>

#include "sync/backfill/export_cursor.hpp"
#include "sync/backfill/export_user.hpp"
#include "sync/backfill/run_store.hpp"

namespace membridge::sync {
namespace {

constexpr std::size_t kNamedFailures = 5;

}  // namespace

/// Computes counters and progress from the jobs, so that a killed process cannot make them wrong.
void ExportSteps::Measure(postgres::Transaction& transaction, Run& run) {
  const ExportJobs::Tally tally = ExportJobs{transaction, run}.Count();
  run.counters["users"] = tally.users;
  run.counters["unchanged"] = tally.unchanged;
  run.counters["applied"] = tally.done - tally.unchanged;
  run.counters["parked"] = tally.parked;
  run.counters["failed"] = tally.failed;
  run.done = tally.done + tally.parked + tally.failed;
  if (ExportCursor::FromJson(run.cursor).phase != ExportCursor::Phase::kListing) run.total = tally.users;
}

Job::Step ExportSteps::End(postgres::Transaction& transaction, Run& run) const {
  Measure(transaction, run);
  Job::Step step;
  const ExportCursor cursor = ExportCursor::FromJson(run.cursor);
  step.over = cursor.phase == ExportCursor::Phase::kOver;
  if (step.over && run.Counter("failed") + run.Counter("parked") > 0) {
    run.error = fmt::format("of {} users, {} failed and {} are parked", run.Counter("users"), run.Counter("failed"),
                            run.Counter("parked"));
    for (const auto& [entity, note] : ExportJobs{transaction, run}.Failed(kNamedFailures)) {
      run.error += fmt::format("; user {}: {}", HashOfUser(entity), note);
    }
  }
  if (step.over && !cursor.note.empty()) run.error += (run.error.empty() ? "" : "; ") + cursor.note;
  step.wanted = RunStore{transaction}.Commit(run, lease_);
  transaction.Commit();
  return step;
}

Job::Step ExportSteps::Put(Run& run, const ExportJob& job, std::string_view state, Instant due_at,
                           const std::string& note) const {
  postgres::Transaction transaction = sessions_.State().Begin();
  ExportJobs{transaction, run}.Put(job, state, due_at, note);
  return End(transaction, run);
}

void ExportSteps::PutAsked(const Run& run, const ExportJob& job) const {
  postgres::Transaction transaction = sessions_.State().Begin();
  ExportJobs{transaction, run}.Put(job, "asked", job.asked_at, "");
  RunStore{transaction}.Commit(run, lease_);
  transaction.Commit();
}

}  // namespace membridge::sync
