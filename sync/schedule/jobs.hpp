#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sync/backfill/exporting.hpp"
#include "sync/backfill/sweep.hpp"
#include "sync/schedule/scheduler.hpp"

namespace membridge::sync {

/// What jobs need. The pointers' objects outlive the jobs.
struct JobParts {
  std::string state_dsn;
  Worker::Mappings mappings;
  /// A client that waits behind live work for the call budget (Client::Options::background); nullptr: no such project at the
  /// Platform.
  std::function<std::unique_ptr<mem0::Client>(const ProjectId&)> background_client;
  /// What sweeps read; nullptr: no such project. Empty: background_client.
  Worker::ClientFor background_records{};
  const Clock* clock = nullptr;
  WorkerCounters* counters = nullptr;  ///< counts what sweeps apply
  WorkerOptions worker{};
  SweepOptions sweep{};
  ExportingOptions exporting{};
};

/// Returns the function that makes a run's job, for Scheduler. It returns kBadMapping when the run's project is not configured.
Scheduler::MakeJob JobsFrom(JobParts parts);

}  // namespace membridge::sync
