#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "sync/worker/canary.hpp"

namespace membridge::admin {

/// Runs the canaries of the projects that have one, and reports when one is lost: as `canary_lost` in the log once per streak, in
/// the metrics membridge_canary_*, and as a note in /readyz. /readyz stays 200, because the bridge itself may work. Threads: one
/// of its own; Note() from any.
class CanaryWatch {
 public:
  CanaryWatch(const Config& config, std::string state_dsn, const Mem0Clients& mem0, Metrics& metrics, Reasons& reasons);

  void RequestStop() { thread_->RequestStop(); }
  /// Returns `{"ok":…,"message":…}` for /readyz; nothing when no project has a canary.
  std::optional<nlohmann::json> Note() const;

 private:
  std::chrono::milliseconds StepAll(const std::stop_token& stop);
  void Tell(const ProjectId& project, const sync::CanaryView& view, const std::optional<Error>& error);

  const Config& config_;
  const std::string state_dsn_;
  const Mem0Clients& mem0_;
  Metrics& metrics_;
  Reasons& reasons_;
  mutable std::mutex mutex_;
  std::map<ProjectId, sync::CanaryView> views_;  // guarded by mutex_
  std::optional<Periodic> thread_;               // last: it uses everything above
};

}  // namespace membridge::admin
