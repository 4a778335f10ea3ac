#include "admin/serve/running.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "admin/page/page_routes.hpp"
#include "admin/serve/serve_metrics.hpp"
#include "admin/shown/views.hpp"
#include "mappings/base/log.hpp"

namespace membridge::admin {

using namespace std::chrono_literals;

Running::Running(const Config& config, const Databases& databases, CheckedMappings mappings, const ServeRoles& roles)
    : config_(config),
      roles_(roles),
      state_dsn_(databases.StateDsn()),
      mappings_(config, databases, std::move(mappings), clock_),
      reasons_(clock_),
      mem0_(config, state_dsn_, metrics_),
      wake_up_(state_dsn_),
      folder_(state_dsn_, config.sync.poll, wake_up_),
      tokens_(state_dsn_),
      reception_(roles.receiver ? MakeReception() : nullptr),
      admin_(AdminParts(databases), clock_, {},
             roles.admin ? AdminListener::Serves::kEverything : AdminListener::Serves::kHealth),
      workers_(roles.worker ? std::make_unique<WorkerPool>(config.sync.workers, config.sync.poll, wake_up_,
                                                           [this] { return MakeWorker(); })
                            : nullptr),
      readiness_(state_dsn_,
                 {roles.worker ? std::function<std::uint64_t()>{[this] { return Finished(); }} : nullptr,
                  [this] { return reception_ && reception_->StoringFails(); }},
                 reasons_),
      backfill_metrics_(BackfillsOf(config), state_dsn_, clock_, metrics_) {
  if (roles.scheduler) housekeeping_.emplace(config, state_dsn_, clock_, metrics_, wake_up_);
  receiver::AddHealthRoutes(admin_.Routes(), HealthAnswers());
  if (roles.admin) AddPageRoutes(admin_.Routes());
  if (reception_) receiver::AddHealthRoutes(reception_->Routes(), HealthAnswers());
  WatchSync(metrics_, counters_, folder_.Counters(), readiness_);
  WatchReasons(metrics_, reasons_);
  mappings_.AddTo(metrics_);
  reasons_.Watch([this] { return mappings_.Refusals(); });
  reasons_.Watch([this] { return mem0_.Refusals(); });
  reasons_.Watch([this] { return backfill_metrics_.Troubles(); });
  admin_.AddTo(metrics_);
  StartDoing(databases);
  admin_.Start();  // last: its calls reach everything else
  LogStart();
}

void Running::StartDoing(const Databases& databases) {
  if (roles_.scheduler) canaries_.emplace(config_, state_dsn_, mem0_, metrics_, reasons_);
  if (roles_.scheduler && !config_.feeds.empty()) feeds_.emplace(config_, state_dsn_, clock_, metrics_, reasons_);
  mem0_watch_.emplace(config_, mem0_);
  ledger_watch_.emplace(config_, databases, reasons_);
  kept_.emplace(config_, databases, metrics_);
  if (reception_) reception_->Start();
  if (roles_.scheduler || roles_.admin) {
    audit_.emplace(state_dsn_, metrics_);
    registrar_.emplace(config_, state_dsn_, mem0_, metrics_, [this] { tokens_.ReloadNow(); });
    reasons_.Watch([this] { return registrar_->Troubles(); });
  }
  if (roles_.scheduler) {
    auto backfills = StartBackfills(
        config_, state_dsn_, [this] { return mappings_.Get(); }, mem0_, clock_, counters_);
    if (!backfills) throw std::runtime_error(backfills.error().message);
    backfills_ = std::move(*backfills);
    sources_.emplace(
        config_, state_dsn_, clock_, metrics_, [this] { wake_up_.Poke(); }, [this] { backfills_->Poke(); });
    reasons_.Watch([this] { return sources_->Troubles(); });
    if (config_.poll_mem0) polling_.emplace(config_, state_dsn_, clock_, [this] { backfills_->Poke(); });
  }
  if (roles_.receiver) {
    catch_up_.emplace(config_, state_dsn_, clock_, [this] {
      if (backfills_) backfills_->Poke();  // else the scheduler's process finds it
    });
  }
  history_.emplace(state_dsn_, clock_, [this] { return Did(); });
  if (!roles_.admin) return;
  looking_.emplace("recent", [this](const std::stop_token&) {
    recent_.Take(Look());
    return std::chrono::milliseconds{Recent::kStep};
  });
}

void Running::LogStart() const {
  const auto listen =
      reception_ ? nlohmann::json(fmt::format("{}:{}", config_.listen.host, reception_->port())) : nlohmann::json();
  Log(LogLevel::kInfo, "started",
      {{"listen", listen},
       {"admin_listen", fmt::format("{}:{}", config_.admin_listen.host, admin_.port())},
       {"workers", workers_ ? config_.sync.workers : 0},
       {"roles", roles_.Names()}});
}

std::string Running::HealthUrl() const {
  ListenAddress address = config_.admin_listen;
  if (address.host == "0.0.0.0") address.host = "127.0.0.1";
  if (address.host == "::") address.host = "::1";
  address.port = admin_.port();
  return "http://" + AddressOf(address) + "/healthz";
}

std::unique_ptr<Reception> Running::MakeReception() {
  return std::make_unique<Reception>(
      config_, state_dsn_, clock_, tokens_.Tokens(), metrics_, [this](std::uint64_t transaction) { folder_.Poke(transaction); },
      [this](const ProjectId& project) { return mappings_.Get()->Of(project).CountsEvents(); });
}

std::unique_ptr<sync::Worker> Running::MakeWorker() {
  sync::WorkerOptions options;
  options.batch = config_.sync.batch;
  options.read_lag = config_.sync.read_lag;
  options.lease = config_.sync.lease;
  options.turn = claim_turn_;
  return std::make_unique<sync::Worker>(
      options, state_dsn_, [this] { return mappings_.Get(); },
      [this](const ProjectId& project) { return mem0_.RecordsFor(project, Mem0Clients::Urgency::kLive); }, clock_, counters_,
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
  for (const ProjectConfig& project : config_.projects) {
    const sync::mem0::CallBudget& budget = *mem0_.BudgetOf(project.id);
    look.calls_per_second[project.id.Text()] = budget.PerSecond();
    look.calls_made[project.id.Text()] = budget.Taken();
  }
  look.lags = counters_.lag.Counts();
  look.fates = FatesIn(counters_);
  return look;
}

sync::HistoryStep Running::Did() const {
  sync::HistoryStep did{
      .deliveries = folder_.Counters().deliveries.load(), .fates = FatesIn(counters_), .lags = counters_.lag.Counts()};
  if (const QueueLook queue = readiness_.Last(); queue.migrated) did.parked = queue.parked;
  return did;
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
            if (catch_up_ && !catch_up_->StartJudged()) return "this process has just started";
            return registrar_ ? registrar_->Unheard(project) : "";
          },
          .lag = [this] { return Lag(); },
          .lags = [this] { return counters_.lag.Counts(); },
          .kept = [this] { return kept_->Cells(); },
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
    // Reasons to be degraded do not change readiness: deliveries are stored, and a restart would repair nothing.
    verdict.detail["checks"]["mappings"] = mappings_.Standing();
    const nlohmann::ordered_json standing = ViewsOf(reasons_.All());
    verdict.detail["degraded"] = !standing.empty();
    verdict.detail["reasons"] = standing;
    if (stopping_) verdict = {false, {{"ready", false}, {"checks", {{"process", {{"ok", false}, {"message", "stopping"}}}}}}};
    reply.Send({verdict.ready ? 200 : 503, "application/json", verdict.detail.dump(), {}});
  };
  const auto metrics = [this](const receiver::http::Reply& reply) {
    reply.Send({200, "text/plain; version=0.0.4; charset=utf-8", metrics_.Text(), {}});
  };
  return {ready, metrics};
}

/// Adds what was done since the last time. When the database is away, the last seconds are lost.
void Running::KeepHistory() {
  try {
    history_->Keep();
  } catch (const std::exception& failure) {
    Log(LogLevel::kWarn, "periodic_failed", {{"work", "history"}, {"error", SafeNameOf(failure)}});
  }
  history_.reset();
}

bool Running::Stop() {
  const auto deadline = std::chrono::steady_clock::now() + config_.soft_stop;
  const auto left = [&] {
    return std::max(0ms, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()));
  };
  stopping_ = true;
  if (registrar_) registrar_->RequestStop();
  if (canaries_) canaries_->RequestStop();
  if (feeds_) feeds_->RequestStop();
  mem0_watch_->RequestStop();
  ledger_watch_->RequestStop();
  kept_->RequestStop();
  if (polling_) polling_->RequestStop();
  if (sources_) sources_->RequestStop();
  if (backfills_) backfills_->RequestStop();
  if (workers_) workers_->RequestStop();
  if (reception_) reception_->Stop(config_.soft_stop / 2);
  // Most of the remaining time is for finishing reads at Mem0. Reads that do not return are given up, and their claims are put
  // back.
  bool finished = !workers_ || workers_->WaitFinished(left() * 3 / 4);
  if (!finished) {
    mem0_.GiveUp();
    finished = workers_->WaitFinished(left());
  }
  // A run continues later where it stopped, here or in another process, so its call at Mem0 can be given up.
  mem0_.GiveUp();
  looking_.reset();
  KeepHistory();
  admin_.Stop(100ms);
  catch_up_.reset();
  polling_.reset();
  if (sources_) sources_->Stop();
  backfills_.reset();
  metrics_.Forget();
  reasons_.Forget();
  sources_.reset();
  return finished;
}

}  // namespace membridge::admin
