#include "admin/runtime/backfilling.hpp"

#include <utility>

namespace membridge::admin {

std::vector<sync::Backfill> BackfillsOf(const Config& config) {
  std::vector<sync::Backfill> backfills;
  for (const BackfillConfig& entry : config.backfill) {
    sync::Backfill& backfill = backfills.emplace_back();
    backfill.name = entry.name;
    backfill.project = entry.project;
    backfill.schedule = entry.schedule;
    backfill.timezone = entry.timezone;
    backfill.jitter = entry.jitter;
    switch (entry.kind) {
      case BackfillConfig::Kind::kExport:
        backfill.kind = sync::BackfillKind::kExport;
        backfill.options.mapping = entry.export_mapping;
        backfill.options.instructions = entry.instructions;
        backfill.options.profiles = entry.profiles;
        backfill.options.full = entry.full;
        backfill.options.deadline = entry.deadline;
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

sync::JobParts JobPartsOf(const Config& config, const std::string& state_dsn, sync::Worker::Mappings mappings,
                          const Mem0Clients& mem0, const Clock& clock, sync::WorkerCounters& counters) {
  sync::JobParts parts;
  parts.state_dsn = state_dsn;
  parts.mappings = std::move(mappings);
  parts.background_client = [&mem0](const ProjectId& project) { return mem0.For(project, Mem0Clients::Urgency::kBackground); };
  parts.background_records = [&mem0](const ProjectId& project) {
    return mem0.RecordsFor(project, Mem0Clients::Urgency::kBackground);
  };
  parts.clock = &clock;
  parts.counters = &counters;
  parts.worker.read_lag = config.sync.read_lag;
  parts.worker.lease = parts.sweep.lease = parts.exporting.lease = config.sync.lease;
  parts.sweep.delivery_patience = config.sync.delivery_patience;
  return parts;
}

Result<std::unique_ptr<sync::Scheduler>> MakeScheduler(const Config& config, sync::JobParts parts) {
  sync::SchedulerOptions options;
  options.lease = config.sync.lease;
  const std::string state_dsn = parts.state_dsn;
  const Clock& clock = *parts.clock;
  return sync::Scheduler::Make(options, state_dsn, BackfillsOf(config), sync::JobsFrom(std::move(parts)), clock);
}

Result<std::unique_ptr<sync::SchedulerThread>> StartBackfills(const Config& config, const std::string& state_dsn,
                                                              sync::Worker::Mappings mappings, const Mem0Clients& mem0,
                                                              const Clock& clock, sync::WorkerCounters& counters) {
  auto parts = JobPartsOf(config, state_dsn, std::move(mappings), mem0, clock, counters);
  auto scheduler = MakeScheduler(config, std::move(parts));
  if (!scheduler) return Within(scheduler.error(), "backfill");
  return std::make_unique<sync::SchedulerThread>(std::move(*scheduler));
}

}  // namespace membridge::admin
