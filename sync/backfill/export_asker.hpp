#pragma once

#include <optional>
#include <string>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/backfill/export_concluder.hpp"
#include "sync/backfill/export_jobs.hpp"
#include "sync/backfill/export_steps.hpp"
#include "sync/backfill/export_use.hpp"
#include "sync/backfill/exporting_options.hpp"
#include "sync/backfill/job.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::sync {

/// Asks Mem0 for one user's export and then whether it is ready, or for their profile. Each function is one step of the run.
/// Functions throw postgres::SqlFailure and RunLost.
class ExportAsker {
 public:
  /// Everything referred to outlives it.
  ExportAsker(const ExportingOptions& options, mem0::Client& client, const Clock& clock, const ExportSteps& steps,
              ExportConcluder& concluder)
      : options_(options), client_(client), clock_(clock), steps_(steps), concluder_(concluder) {}

  /// Asks for an export. Commits before the call that it is about to ask.
  Result<Job::Step> Ask(Run& run, const ExportUse& use, ExportJob job);
  /// Asks for an export's answer.
  Result<Job::Step> Poll(Run& run, const ExportUse& use, const ExportJob& job);
  /// Asks for a user's profile.
  Result<Job::Step> ReadProfile(Run& run, const ExportUse& use, ExportJob job);

 private:
  Result<Job::Step> NotReady(Run& run, ExportJob job);
  Result<Job::Step> AskAgainLater(Run& run, ExportJob job, const std::string& why);
  Result<Job::Step> NoAnswer(Run& run, ExportJob job, const Error& error);

  const ExportingOptions& options_;
  mem0::Client& client_;
  const Clock& clock_;
  const ExportSteps& steps_;
  ExportConcluder& concluder_;
  bool in_doubt_ = false;  // Mem0 may be away: no call that counts as an attempt is made until another call succeeds
};

}  // namespace membridge::sync
