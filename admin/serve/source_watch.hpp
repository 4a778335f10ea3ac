#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "mappings/base/time.hpp"
#include "sync/source/feeder.hpp"

namespace membridge::admin {

/// Finds the changes of self-hosted projects: by the change log beside the table, every 2 to 250 ms, and without the log by
/// incremental and full sweeps. Queues a full sweep when the log cannot tell everything. One process of the bridge does it for a
/// project at a time, under a lease. Threads: one per self-hosted project.
class SourceWatch {
 public:
  /// `marked` is called after marks were made, `queued` when a sweep was queued. Everything referred to outlives it.
  SourceWatch(const Config& config, const std::string& state_dsn, const Clock& clock, Metrics& metrics,
              std::function<void()> marked, std::function<void()> queued);
  ~SourceWatch();

  void RequestStop();
  void Stop();  ///< ends the threads, and waits for them
  /// The reasons `source_away` and `source_unwatched` that hold now.
  std::vector<Reason> Troubles() const;

 private:
  class Watched;

  void Note(const ProjectId& project, const sync::source::SourceStanding& standing);

  mutable std::mutex mutex_;
  std::map<ProjectId, sync::source::SourceStanding> standings_;  // guarded by mutex_
  std::vector<std::unique_ptr<Watched>> watched_;                // last: their threads use everything above
};

}  // namespace membridge::admin
