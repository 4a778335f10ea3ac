#include "admin/backfilling.hpp"

#include <utility>

#include "sync/backfill/jobs.hpp"

namespace membridge::admin {

std::vector<sync::Backfill> BackfillsOf(const Config& config) {
  std::vector<sync::Backfill> backfills;
  for (const BackfillConfig& entry : config.backfill) {
    sync::Backfill& backfill = backfills.emplace_back();
    backfill.name = entry.name;
    backfill.project = entry.project;
    backfill.schedule = entry.schedule;
    backfill.timezone = entry.timezone;
    switch (entry.kind) {
      case BackfillConfig::Kind::kExport:
        backfill.kind = sync::BackfillKind::kExport;
        backfill.options.mapping = entry.export_mapping;
        break;
      case BackfillConfig::Kind::kIncrementalSweep:
        backfill.kind = sync::BackfillKind::kIncrementalSweep;
        break;
      case BackfillConfig::Kind::kFullSweep:
        backfill.kind = sync::BackfillKind::kFullSweep;
        break;
    }
  }
  return backfills;
}

Result<std::unique_ptr<sync::SchedulerThread>> StartBackfills(const Config& config, const std::string& state_dsn,
                                                              sync::Worker::Mappings mappings, const Mem0Clients& mem0, const Clock& clock,
                                                              sync::WorkerCounters& counters) {
  sync::JobParts parts;
  parts.state_dsn = state_dsn;
  parts.mappings = std::move(mappings);
  parts.background_client = [&mem0](const ProjectId& project) { return mem0.For(project, Mem0Clients::Urgency::kBackground); };
  parts.clock = &clock;
  parts.counters = &counters;
  parts.worker.read_lag = config.sync.read_lag;
  parts.worker.lease = config.sync.lease;
  auto scheduler = sync::Scheduler::Make({}, state_dsn, BackfillsOf(config), sync::JobsFrom(std::move(parts)), clock);
  if (!scheduler) return Within(scheduler.error(), "backfill");
  return std::make_unique<sync::SchedulerThread>(std::move(*scheduler));
}

}  // namespace membridge::admin
