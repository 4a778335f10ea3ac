#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sync/backfill/exporting.hpp"
#include "sync/backfill/sweep.hpp"
#include "sync/schedule/scheduler.hpp"

namespace membridge::sync {

/// What jobs are made of. What is referred to outlives them.
struct JobParts {
  std::string state_dsn;
  Worker::Mappings mappings;
  /// A client that waits behind live work for the call budget (Client::Options::background); nullptr: no such project.
  Worker::ClientFor background_client;
  const Clock* clock = nullptr;
  WorkerCounters* counters = nullptr;  ///< what sweeps apply is counted there
  WorkerOptions worker{};
  SweepOptions sweep{};
  ExportingOptions exporting{};
};

/// For Scheduler: the job of a run's kind. kBadMapping when the run's project is not configured.
Scheduler::MakeJob JobsFrom(JobParts parts);

}  // namespace membridge::sync
