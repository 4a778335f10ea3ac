#include "admin/serve/serve.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "admin/mapping_files/live_mappings.hpp"
#include "admin/page/page_routes.hpp"
#include "admin/runtime/backfilling.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/ledgers.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/mem0_watch.hpp"
#include "admin/runtime/metrics.hpp"
#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/runtime/surroundings.hpp"
#include "admin/runtime/token_watch.hpp"
#include "admin/serve/admin_listener.hpp"
#include "admin/serve/backfill_metrics.hpp"
#include "admin/serve/canary_watch.hpp"
#include "admin/serve/catch_up_watch.hpp"
#include "admin/serve/housekeeping.hpp"
#include "admin/serve/readiness.hpp"
#include "admin/serve/reception.hpp"
#include "admin/serve/serve_metrics.hpp"
#include "admin/serve/worker_pool.hpp"
#include "admin/shown/console.hpp"
#include "admin/webhooks/registrar.hpp"
#include "mappings/base/log.hpp"
#include "receiver/health_routes.hpp"
#include "receiver/http/server.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/queue/wake_up.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

/// Those that end the process, and the one that has it load its mappings again.
sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

/// Everything that runs, in the order it is made; it ends in the reverse.
class Running {
 public:
  Running(const Config& config, const Databases& databases, CheckedMappings mappings);

  /// What SIGHUP asks for: mappings and API keys as they stand in their files now.
  void Reload() {
    mappings_.RequestReload();
    mem0_.ReadKeysAgain();
  }

  /// Nothing new, then everything begun, within soft_stop. False when something did not end in time.
  bool Stop();

 private:
  std::unique_ptr<sync::Worker> MakeWorker();
  std::uint64_t Finished() const;
  std::optional<std::chrono::microseconds> Lag() const;
  RecentLook Look() const;
  receiver::HealthAnswers HealthAnswers();
  api::Parts AdminParts(const Databases& databases);

  const Config& config_;
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
  Reception reception_;
  AdminListener admin_;
  WorkerPool workers_;
  Readiness readiness_;
  BackfillMetrics backfill_metrics_;
  Housekeeping housekeeping_;
  std::optional<Registrar> registrar_;  // once deliveries are taken
  std::optional<CatchUpWatch> catch_up_;
  std::optional<CanaryWatch> canaries_;
  std::optional<Mem0Watch> mem0_watch_;
  std::optional<LedgerWatch> ledger_watch_;
  std::unique_ptr<sync::SchedulerThread> backfills_;
  std::optional<Periodic> looking_;  // what recent_ is told
};

Running::Running(const Config& config, const Databases& databases, CheckedMappings mappings)
    : config_(config),
      state_dsn_(databases.StateDsn()),
      mappings_(config, databases, std::move(mappings), clock_),
      reasons_(clock_),
      mem0_(config, state_dsn_, metrics_),
      wake_up_(state_dsn_),
      folder_(state_dsn_, config.sync.poll, wake_up_),
      tokens_(state_dsn_),
      reception_(
          config, state_dsn_, clock_, tokens_.Tokens(), metrics_,
          [this](std::uint64_t transaction) { folder_.Poke(transaction); },
          [this](const ProjectId& project) { return mappings_.Get()->Of(project).CountsEvents(); }),
      admin_(AdminParts(databases), clock_),
      workers_(config.sync.workers, config.sync.poll, wake_up_, [this] { return MakeWorker(); }),
      readiness_(state_dsn_, {[this] { return Finished(); }, [this] { return reception_.StoringFails(); }}, reasons_),
      backfill_metrics_(BackfillsOf(config), state_dsn_, clock_, metrics_),
      housekeeping_(config, state_dsn_, clock_, metrics_, wake_up_) {
  receiver::AddHealthRoutes(admin_.Routes(), HealthAnswers());
  AddPageRoutes(admin_.Routes());
  receiver::AddHealthRoutes(reception_.Routes(), HealthAnswers());
  WatchSync(metrics_, counters_, folder_.Counters(), readiness_);
  WatchReasons(metrics_, reasons_);
  mappings_.AddTo(metrics_);
  reasons_.Watch([this] { return mappings_.Refusals(); });
  reasons_.Watch([this] { return mem0_.Refusals(); });
  reasons_.Watch([this] { return backfill_metrics_.Troubles(); });
  admin_.AddTo(metrics_);
  canaries_.emplace(config, state_dsn_, mem0_, metrics_, reasons_);
  mem0_watch_.emplace(config, mem0_);
  ledger_watch_.emplace(config, databases, reasons_);
  reception_.Start();
  registrar_.emplace(config, state_dsn_, mem0_, metrics_, [this] { tokens_.ReloadNow(); });
  reasons_.Watch([this] { return registrar_->Troubles(); });
  auto backfills = StartBackfills(
      config, state_dsn_, [this] { return mappings_.Get(); }, mem0_, clock_, counters_);
  if (!backfills) throw std::runtime_error(backfills.error().message);
  backfills_ = std::move(*backfills);
  catch_up_.emplace(config, state_dsn_, clock_, [this] { backfills_->Poke(); });
  looking_.emplace("recent", [this](const std::stop_token&) {
    recent_.Take(Look());
    return std::chrono::milliseconds{Recent::kStep};
  });
  admin_.Start();  // last: its calls reach everything else
  Log(LogLevel::kInfo, "started",
      {{"listen", fmt::format("{}:{}", config.listen.host, reception_.port())},
       {"admin_listen", fmt::format("{}:{}", config.admin_listen.host, admin_.port())},
       {"workers", config.sync.workers}});
}

std::unique_ptr<sync::Worker> Running::MakeWorker() {
  sync::WorkerOptions options;
  options.batch = config_.sync.batch;
  options.read_lag = config_.sync.read_lag;
  options.lease = config_.sync.lease;
  return std::make_unique<sync::Worker>(
      options, state_dsn_, [this] { return mappings_.Get(); },
      [this](const ProjectId& project) { return mem0_.For(project, Mem0Clients::Urgency::kLive); }, clock_, counters_,
      [this] { mappings_.LookAtTables(); });
}

std::uint64_t Running::Finished() const {
  return counters_.applied + counters_.unchanged + counters_.withdrawn + counters_.parked + counters_.events_counted +
         counters_.events_discarded;
}

std::optional<std::chrono::microseconds> Running::Lag() const {
  const auto lag = counters_.lag_microseconds.load();
  if (lag == 0) return std::nullopt;
  return std::chrono::microseconds{lag};
}

RecentLook Running::Look() const {
  RecentLook look;
  if (const auto lag = Lag()) look.lag_seconds = std::chrono::duration<double>(*lag).count();
  if (const QueueLook queue = readiness_.Last(); queue.migrated) look.parked = static_cast<double>(queue.parked);
  for (const ProjectConfig& project : config_.projects)
    look.calls_per_second[project.id.Text()] = mem0_.BudgetOf(project.id)->PerSecond();
  return look;
}

api::Parts Running::AdminParts(const Databases& databases) {
  return {.config = config_,
          .databases = databases,
          .mem0 = mem0_,
          .mappings = [this] { return mappings_.InForce(); },
          .recent = recent_,
          .ready = [this] { return !stopping_ && readiness_.Ready().ready; },
          .reasons = [this] { return reasons_.All(); },
          .unheard = [this](const ProjectId& project) -> std::string {
            return catch_up_->StartJudged() ? registrar_->Unheard(project) : "this process has just started";
          },
          .lag = [this] { return Lag(); },
          .wake_workers = [this] { wake_up_.Poke(); },
          .wake_backfills =
              [this] {
                if (backfills_) backfills_->Poke();
              },
          .token_issued = [this] { tokens_.ReloadNow(); }};
}

receiver::HealthAnswers Running::HealthAnswers() {
  const auto ready = [this](const receiver::http::Reply& reply) {
    Readiness::Verdict verdict = readiness_.Ready();
    if (const auto note = canaries_ ? canaries_->Note() : std::nullopt) verdict.detail["checks"]["canary"] = *note;
    // What is degraded does not make it less ready: deliveries are stored, and a restart would mend nothing.
    verdict.detail["checks"]["mappings"] = mappings_.Standing();
    nlohmann::ordered_json standing = ViewsOf(reasons_.All());
    verdict.detail["degraded"] = !standing.empty();
    verdict.detail["reasons"] = std::move(standing);
    if (stopping_) verdict = {false, {{"ready", false}, {"checks", {{"process", {{"ok", false}, {"message", "stopping"}}}}}}};
    reply.Send({verdict.ready ? 200 : 503, "application/json", verdict.detail.dump(), {}});
  };
  const auto metrics = [this](const receiver::http::Reply& reply) {
    reply.Send({200, "text/plain; version=0.0.4; charset=utf-8", metrics_.Text(), {}});
  };
  return {ready, metrics};
}

bool Running::Stop() {
  const auto deadline = std::chrono::steady_clock::now() + config_.soft_stop;
  const auto left = [&] {
    return std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
  };
  stopping_ = true;
  registrar_->RequestStop();
  canaries_->RequestStop();
  mem0_watch_->RequestStop();
  ledger_watch_->RequestStop();
  backfills_->RequestStop();
  workers_.RequestStop();
  reception_.Stop(config_.soft_stop / 2);
  // Most of what is left is for finishing reads at Mem0; those that do not come back are given up, and their claims put back.
  bool finished = workers_.WaitFinished(left() * 3 / 4);
  if (!finished) {
    mem0_.GiveUp();
    finished = workers_.WaitFinished(left());
  }
  // A run goes on where it stands, here or in another process, so its call at Mem0 is given up.
  mem0_.GiveUp();
  looking_.reset();
  admin_.Stop(100ms);
  catch_up_.reset();
  backfills_.reset();
  metrics_.Forget();
  reasons_.Forget();
  return finished;
}

/// Loads and checks everything that decides rows. Nothing when something is wrong; every problem was printed.
std::optional<CheckedMappings> PrepareMappings(const Config& config, const Databases& databases, Console& console) {
  mappings::Diagnostics problems;
  auto checked = LoadAndCheck(config, databases, problems);
  PrintProblems(problems, console);
  if (checked) return std::move(*checked);
  PrintError(checked.error(), console);
  return std::nullopt;
}

}  // namespace

void BlockSignals() {
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Serve(const Config& config, Console& console) {
  auto databases = Databases::Open(config, Databases::Use::kServe);
  if (!databases) return PrintError(databases.error(), console);
  mappings::Diagnostics around;
  const bool can_work = Tell(LookAtDatabases(config, *databases), around);
  if (!can_work) {
    PrintProblems(around, console);
    return kFoundProblems;
  }
  const auto migrated = MigrateAll(config, *databases);
  if (!migrated) return PrintError(migrated.error(), console);
  for (const auto& step : *migrated) Log(LogLevel::kInfo, "migrated", {{"database", step.database}, {"migration", step.name}});
  auto mappings = PrepareMappings(config, *databases, console);
  if (!mappings) return kBadUsage;

  std::unique_ptr<Running> running;
  try {
    running = std::make_unique<Running>(config, *databases, std::move(*mappings));
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("starting"), console);
  } catch (const std::runtime_error& failure) {
    return PrintError({ErrorCode::kUnavailable, failure.what(), "is the address free, and ours to listen on?"}, console);
  }
  const sigset_t signals = OurSignals();
  int signal = 0;
  for (sigwait(&signals, &signal); signal == SIGHUP; sigwait(&signals, &signal)) running->Reload();
  Log(LogLevel::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  if (!running->Stop()) {
    // Whatever hangs holds only claims, and those come back when their lease ends.
    Log(LogLevel::kError, "stopped_hard", {{"reason", "a worker did not finish within soft_stop"}});
    std::fflush(nullptr);
    std::_Exit(kDone);
  }
  running.reset();
  Log(LogLevel::kInfo, "stopped");
  return kDone;
}

}  // namespace membridge::admin
