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

/// Asks Mem0 for changes regularly, for a bridge that webhooks cannot reach. It queues an incremental sweep of every project once
/// per `every`, and once a minute a full one instead, which also finds deleted memories. It never queues a sweep while the last
/// one is still running. Threads: one of its own.
class Mem0Polling {
 public:
  static constexpr std::chrono::seconds kFullEvery{60};

  /// `queued` is called when runs were queued. Everything referred to outlives it.
  Mem0Polling(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued);

  void RequestStop() { thread_.RequestStop(); }

  /// Returns the name of a project's polling runs.
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

/// Returns the configuration for a bridge that polls: it registers and expects no webhook, and it runs no canary.
Config WithPolling(Config config, std::chrono::milliseconds every);

}  // namespace membridge::admin
