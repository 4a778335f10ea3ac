#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/periodic.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Asks Mem0 again and again for what changed, for a bridge that no webhook reaches: an incremental sweep of every project each
/// `every`, and instead of it a full one a minute, which also finds what was deleted. A sweep that is still under way is let
/// finish. Threads: one of its own.
class Mem0Polling {
 public:
  static constexpr std::chrono::seconds kFullEvery{60};

  /// `queued`: runs were queued. Everything outlives it.
  Mem0Polling(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued);

  void RequestStop() { thread_.RequestStop(); }

  /// How the runs of a project are called.
  static std::string NameOf(const ProjectId& project) { return "poll " + project.Text(); }

 private:
  void Look();

  const Config& config_;
  const std::string state_dsn_;
  const Clock& clock_;
  std::function<void()> queued_;
  std::optional<sync::postgres::Session> state_;
  std::chrono::steady_clock::time_point full_due_{};
  Periodic thread_;
};

/// The configuration for a bridge that polls: no webhook is registered or expected, and no canary waits for its delivery.
Config WithPolling(Config config, std::chrono::milliseconds every);

}  // namespace membridge::admin
