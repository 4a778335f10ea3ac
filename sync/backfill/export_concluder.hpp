#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/apply/source.hpp"
#include "sync/backfill/export_jobs.hpp"
#include "sync/backfill/export_steps.hpp"
#include "sync/backfill/export_use.hpp"
#include "sync/backfill/export_writes.hpp"
#include "sync/backfill/exporting_options.hpp"
#include "sync/backfill/job.hpp"
#include "sync/targets/tied_sessions.hpp"

namespace membridge::sync {

/// Applies Mem0's answers by the mapping, and withdraws the answers about users who are gone. Each function is one step of the
/// run. Functions throw postgres::SqlFailure and RunLost.
class ExportConcluder {
 public:
  /// Everything referred to outlives it.
  ExportConcluder(const ExportingOptions& options, TiedSessions& sessions, const Clock& clock, const ExportSteps& steps)
      : options_(options), sessions_(sessions), clock_(clock), steps_(steps) {}

  /// The result of a user's export.
  struct Answer {
    std::optional<nlohmann::json> filled;  ///< nothing: there is no answer, and `refusal` says why
    std::optional<Error> refusal;
    Instant completed;
  };
  /// Applies an answer and ends the job, in one transaction where the target is the state database.
  Job::Step Conclude(Run& run, const ExportUse& use, const ExportJob& job, const Answer& answer);

  /// Withdraws what exports said about users who are gone, and ends the run.
  Job::Step Withdraw(Run& run, const ExportUse& use);

 private:
  bool Apply(ExportWrites& writes, Run& run, const ExportUse& use, const ExportJob& job, const nlohmann::json& values,
             Instant completed);
  void WithdrawAll(ExportWrites& writes, Run& run, const ExportUse& use, const std::vector<std::string>& users);

  const ExportingOptions& options_;
  TiedSessions& sessions_;
  const Clock& clock_;
  const ExportSteps& steps_;
};

}  // namespace membridge::sync
