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

/// The webhook a project's configuration asks for.
DesiredWebhook DesiredOf(const ProjectConfig& project);
/// How it is registered from a process of this deployment: its overlap, and the time until every process knows a new token.
ApplyOptions ApplyOptionsOf(const ProjectConfig& project);

/// Keeps the webhooks of projects with `manage: true` at Mem0 as they are configured: at start, and again every
/// `check_every`. One that works again after it was off or led elsewhere has a sweep look for what it did not tell. Those that
/// `webhooks apply` registered and nobody keeps are looked at as often, and left as they are. When Mem0 or the database is away
/// it tries again, sooner; nothing else waits for it. Threads: one of its own.
class Registrar {
 public:
  /// `issued` is called when a new token is in the database.
  Registrar(const Config& config, std::string state_dsn, const Mem0Clients& mem0, Metrics& metrics, std::function<void()> issued);

  void RequestStop() { thread_.RequestStop(); }

  /// How each project's webhook stood when it was looked at last; those that were not looked at yet, or could not be, as before.
  /// Threads: any.
  std::map<ProjectId, WebhookStanding> Standings() const;
  /// Those of them that are wrong, for /readyz. Threads: any.
  std::vector<Reason> Troubles() const;
  /// Why deliveries of a project may not come here until now, in words; empty when nothing of its webhook says so. Threads: any.
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
  std::map<ProjectId, std::string> last_said_;  // so that what stays wrong is logged once
  mutable std::mutex mutex_;
  std::map<ProjectId, WebhookStanding> standings_;  // guarded by mutex_
  Periodic thread_;                                 // last: it uses everything above
};

}  // namespace membridge::admin
