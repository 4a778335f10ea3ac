#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "mappings/base/time.hpp"
#include "sync/backfill/export_jobs.hpp"
#include "sync/backfill/job.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/tied_sessions.hpp"

namespace membridge::sync {

/// Ends the steps of an export run: commits what a step did together with the run's row. Functions throw postgres::SqlFailure and
/// RunLost.
class ExportSteps {
 public:
  /// The sessions outlive it.
  ExportSteps(TiedSessions& sessions, std::chrono::seconds lease) : sessions_(sessions), lease_(lease) {}

  /// Commits the transaction with the run's row, counters and progress, and at the end of the run with the failed users.
  Job::Step End(postgres::Transaction& transaction, Run& run) const;
  /// Puts the job into this state and ends the step, in a transaction of its own.
  Job::Step Put(Run& run, const ExportJob& job, std::string_view state, Instant due_at, const std::string& note) const;
  /// Commits that Mem0 is about to be asked for this job. The step goes on.
  void PutAsked(const Run& run, const ExportJob& job) const;

 private:
  static void Measure(postgres::Transaction& transaction, Run& run);

  TiedSessions& sessions_;
  const std::chrono::seconds lease_;
};

}  // namespace membridge::sync
