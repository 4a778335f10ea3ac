#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "admin/mapping_files/kept_cells.hpp"
#include "admin/mapping_files/live_mappings.hpp"
#include "admin/runtime/backfilling.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/last_hour.hpp"
#include "admin/runtime/ledgers.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/mem0_watch.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/runtime/token_watch.hpp"
#include "admin/serve/admin_listener.hpp"
#include "admin/serve/audit_watch.hpp"
#include "admin/serve/backfill_metrics.hpp"
#include "admin/serve/canary_watch.hpp"
#include "admin/serve/catch_up_watch.hpp"
#include "admin/serve/feed_posting.hpp"
#include "admin/serve/history_keeping.hpp"
#include "admin/serve/housekeeping.hpp"
#include "admin/serve/mem0_polling.hpp"
#include "admin/serve/readiness.hpp"
#include "admin/serve/reception.hpp"
#include "admin/serve/roles.hpp"
#include "admin/serve/source_watch.hpp"
#include "admin/serve/worker_pool.hpp"
#include "admin/webhooks/registrar.hpp"
#include "receiver/health_routes.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/queue/wake_up.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {

/// Everything that runs in a process of `serve`. The members are made in this order and destroyed in the reverse order. Threads:
/// one, besides its own.
class Running {
 public:
  /// Starts the parts of `roles`. Every process also folds the journal, watches for reasons to be degraded, and answers health
  /// and metrics. Throws std::runtime_error or postgres::SqlFailure when a part cannot start. Everything referred to outlives it.
  Running(const Config& config, const Databases& databases, CheckedMappings mappings, const ServeRoles& roles);

  /// Loads mappings and API keys from their files again, as SIGHUP asks for.
  void Reload() {
    mappings_.RequestReload();
    mem0_.ReadKeysAgain();
  }

  /// Takes nothing new, then finishes everything that has begun, within soft_stop. Returns false when something did not end in
  /// time.
  bool Stop();

  /// Returns the URL of /healthz of this process, for use on this machine.
  std::string HealthUrl() const;

 private:
  void StartDoing(const Databases& databases);
  void LogStart() const;
  std::unique_ptr<sync::Worker> MakeWorker();
  std::unique_ptr<Reception> MakeReception();
  std::uint64_t Finished() const;
  std::optional<std::chrono::microseconds> Lag() const;
  RecentLook Look() const;
  sync::HistoryStep Did() const;
  void KeepHistory();
  receiver::HealthAnswers HealthAnswers();
  api::Parts AdminParts(const Databases& databases);

  const Config& config_;
  const ServeRoles roles_;
  const std::string state_dsn_;
  const SystemClock clock_;
  LiveMappings mappings_;
  std::atomic<bool> stopping_{false};
  Metrics metrics_;
  Reasons reasons_;
  Mem0Clients mem0_;
  Recent recent_;
  sync::WakeUp wake_up_;
  sync::WorkerCounters counters_;
  sync::Folder folder_;
  TokenWatch tokens_;
  const std::unique_ptr<Reception> reception_;  // of receivers
  AdminListener admin_;
  const std::shared_ptr<sync::ClaimTurn> claim_turn_ = std::make_shared<sync::ClaimTurn>();
  const std::unique_ptr<WorkerPool> workers_;  // of workers
  Readiness readiness_;
  BackfillMetrics backfill_metrics_;
  std::optional<Housekeeping> housekeeping_;  // of schedulers
  std::optional<AuditWatch> audit_;           // of schedulers and admins
  std::optional<Registrar> registrar_;        // once deliveries are taken
  std::optional<CatchUpWatch> catch_up_;
  std::optional<CanaryWatch> canaries_;
  std::optional<FeedPosting> feeds_;  // of schedulers
  std::optional<Mem0Watch> mem0_watch_;
  std::optional<LedgerWatch> ledger_watch_;
  std::optional<KeptWatch> kept_;
  std::unique_ptr<sync::SchedulerThread> backfills_;
  std::optional<SourceWatch> sources_;  // of schedulers
  std::optional<Mem0Polling> polling_;
  std::optional<Periodic> looking_;        // fills recent_
  std::optional<HistoryKeeping> history_;  // of workers, and of whoever folds
};

}  // namespace membridge::admin
