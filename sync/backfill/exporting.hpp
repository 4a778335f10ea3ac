#pragma once

#include <memory>
#include <string>

#include "mappings/base/time.hpp"
#include "sync/backfill/export_asker.hpp"
#include "sync/backfill/export_concluder.hpp"
#include "sync/backfill/export_steps.hpp"
#include "sync/backfill/export_use.hpp"
#include "sync/backfill/exporting_options.hpp"
#include "sync/backfill/job.hpp"
#include "sync/mem0/client.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// Asks Mem0 to fill a mapping's schema for every user who changed, and applies the answers.
///
/// One export per user. A step commits that Mem0 is about to be asked before the call, and the export's id before the first poll.
/// So a run that was killed goes on polling the exports that exist. Mem0 cannot list exports: when an answer was lost, it is
/// asked once more, but never a third time. An answer that does not fit parks its user. A user whose answer does not come by the
/// deadline fails, and is shown by a hash of the name. The run goes on in both cases. What an export said is withdrawn when its
/// user and their last memory are gone from Mem0.
class Exporting final : public Job {
 public:
  using Mappings = MappingsInForce;

  Exporting(ExportingOptions options, std::string state_dsn, std::unique_ptr<mem0::Client> client, Mappings mappings,
            const Clock& clock);
  ~Exporting() override;

  Result<Step> Next(Run& run) override;

 private:
  Result<Step> ListUsers(Run& run, const ExportUse& use);
  Result<Step> ExportOne(Run& run, const ExportUse& use);

  const ExportingOptions options_;
  const std::unique_ptr<mem0::Client> client_;
  const Mappings mappings_;
  const Clock& clock_;
  TiedSessions sessions_;
  const ExportSteps steps_;
  ExportConcluder concluder_;
  ExportAsker asker_;
};

}  // namespace membridge::sync
