#include "sync/schedule/jobs.hpp"

#include <utility>

namespace membridge::sync {

Scheduler::MakeJob JobsFrom(JobParts parts) {
  return [parts = std::move(parts)](const Run& run) -> Result<std::unique_ptr<Job>> {
    const Worker::ClientFor records =
        parts.background_records ? parts.background_records : Worker::ClientFor{parts.background_client};
    auto reader = records(run.project);
    if (!reader) {
      return Fail(ErrorCode::kBadMapping, "project " + run.project.Text() + " is not configured",
                  "add it under `projects:`, or cancel the run");
    }
    if (run.kind == BackfillKind::kExport) {
      auto client = parts.background_client(run.project);
      if (!client)
        return Fail(ErrorCode::kBadMapping, "project " + run.project.Text() + " is a Mem0 of your own, which has no exports",
                    "cancel the run");
      return std::make_unique<Exporting>(parts.exporting, parts.state_dsn, std::move(client), parts.mappings, *parts.clock);
    }
    auto worker = std::make_unique<Worker>(parts.worker, parts.state_dsn, parts.mappings, records, *parts.clock, *parts.counters);
    return std::make_unique<Sweep>(parts.sweep, parts.state_dsn, std::move(reader), std::move(worker), *parts.clock);
  };
}

}  // namespace membridge::sync
