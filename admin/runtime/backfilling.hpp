#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/schedule/jobs.hpp"
#include "sync/schedule/scheduler.hpp"
#include "sync/schedule/scheduler_thread.hpp"
#include "sync/worker/mapping_set.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {

/// Converts the entries of `backfill:` for the scheduler.
std::vector<sync::Backfill> BackfillsOf(const Config& config);

/// Returns the parts that runs of this configuration need. Everything referred to outlives the result.
sync::JobParts JobPartsOf(const Config& config, const std::string& state_dsn, sync::Worker::Mappings mappings,
                          const Mem0Clients& mem0, const Clock& clock, sync::WorkerCounters& counters);

/// Makes a scheduler of the configured backfills. kRefused: a schedule or time zone cannot be read.
Result<std::unique_ptr<sync::Scheduler>> MakeScheduler(const Config& config, sync::JobParts parts);

/// Starts the thread that runs the entries of `backfill:` at their times and the runs that people queue. Everything referred to
/// outlives it. kRefused: a schedule or time zone cannot be read.
Result<std::unique_ptr<sync::SchedulerThread>> StartBackfills(const Config& config, const std::string& state_dsn,
                                                              sync::Worker::Mappings mappings, const Mem0Clients& mem0,
                                                              const Clock& clock, sync::WorkerCounters& counters);

}  // namespace membridge::admin
