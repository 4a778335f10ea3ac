#include "sync/schedule/jobs.hpp"

#include <utility>

namespace membridge::sync {

Scheduler::MakeJob JobsFrom(JobParts parts) {
  return [parts = std::move(parts)](const Run& run) -> Result<std::unique_ptr<Job>> {
    auto client = parts.background_client(run.project);
    if (!client) {
      return Fail(ErrorCode::kBadMapping, "project " + run.project.Text() + " is not configured",
                  "add it under `projects:`, or cancel the run");
    }
    if (run.kind == BackfillKind::kExport) {
      return std::make_unique<Exporting>(parts.exporting, parts.state_dsn, std::move(client), parts.mappings, *parts.clock);
    }
    auto worker = std::make_unique<Worker>(parts.worker, parts.state_dsn, parts.mappings, parts.background_client, *parts.clock,
                                           *parts.counters);
    return std::make_unique<Sweep>(parts.sweep, parts.state_dsn, std::move(client), std::move(worker), *parts.clock);
  };
}

}  // namespace membridge::sync
