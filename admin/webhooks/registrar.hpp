#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// Returns the webhook that a project's configuration asks for.
DesiredWebhook DesiredOf(const ProjectConfig& project);
/// Returns the options for registering it: its overlap, and the time until every process knows a new token.
ApplyOptions ApplyOptionsOf(const ProjectConfig& project);

/// Keeps the webhooks of projects with `manage: true` at Mem0 as configured: at start, and again every `check_every`. When a
/// webhook works again after it was off or led elsewhere, a sweep is requested for the changes that it did not report. Webhooks
/// that `webhooks apply` registered are checked as often, but not changed. When Mem0 or the database is away, it tries again
/// sooner; nothing else waits for it. Threads: one of its own.
class Registrar {
 public:
  /// `issued` is called when a new token is in the database.
  Registrar(const Config& config, std::string state_dsn, const Mem0Clients& mem0, Metrics& metrics, std::function<void()> issued);

  void RequestStop() { thread_.RequestStop(); }

  /// Returns the state of each project's webhook at the last check. A webhook that could not be checked keeps its earlier state.
  /// Threads: any.
  std::map<ProjectId, WebhookStanding> Standings() const;
  /// Returns the webhooks that are wrong, for /readyz. Threads: any.
  std::vector<Reason> Troubles() const;
  /// Returns in words why deliveries of a project may not have reached this bridge until now; empty when its webhook gives no
  /// reason. Threads: any.
  std::string Unheard(const ProjectId& project) const;

 private:
  std::chrono::milliseconds KeepAll(const std::stop_token& stop);
  bool Keep(const ProjectConfig& project, const std::stop_token& stop);
  bool Look(const ProjectConfig& project);
  void Note(sync::postgres::Session& session, const ProjectId& project, const WebhookStanding& standing);
  void LogNews(const ProjectId& project, const std::vector<std::string>& news, bool changed);

  const Config& config_;
  const std::string state_dsn_;
  const Mem0Clients& mem0_;
  Metrics& metrics_;
  const std::function<void()> issued_;
  std::map<ProjectId, std::chrono::steady_clock::time_point> due_;
  std::map<ProjectId, std::string> last_said_;  // so that a lasting problem is logged once
  mutable std::mutex mutex_;
  std::map<ProjectId, WebhookStanding> standings_;  // guarded by mutex_
  Periodic thread_;                                 // last: it uses everything above
};

}  // namespace membridge::admin
