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
/// One export per user. That Mem0 is about to be asked is committed before the call, and the export's id before the first poll: a
/// run that is killed goes on polling what was made. Mem0 cannot list exports, so an answer that was lost means asking once more,
/// and never a third time. An answer that does not fit parks its user, and one that does not come by the deadline fails them,
/// told by a hash of their name; the run goes on. What an export said is withdrawn when its user has gone from Mem0 and the last
/// memory with them.
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
