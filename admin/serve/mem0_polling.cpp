#include "admin/serve/mem0_polling.hpp"

#include "sync/backfill/run_store.hpp"

namespace membridge::admin {

Mem0Polling::Mem0Polling(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued)
    : config_(config),
      state_dsn_(std::move(state_dsn)),
      clock_(clock),
      queued_(std::move(queued)),
      thread_("mem0_polling", [this, every = config.poll_mem0.value_or(kFullEvery)](const std::stop_token&) {
        Look();
        return every;
      }) {}

void Mem0Polling::Look() {
  if (state_ && !state_->Usable()) state_.reset();
  if (!state_) state_.emplace(state_dsn_, "membridge dev");
  const bool full = std::chrono::steady_clock::now() >= full_due_;
  bool all_queued = true;
  for (const ProjectConfig& project : config_.projects) {
    sync::postgres::Transaction transaction = state_->Begin();
    sync::Run run;
    run.project = project.id;
    run.name = NameOf(project.id);
    run.kind = full ? sync::BackfillKind::kFullSweep : sync::BackfillKind::kIncrementalSweep;
    run.queued_at = run.due_at = clock_.Now();
    // Queueing is refused while the last run is under way; the next round tries again.
    if (sync::RunStore{transaction}.Queue(run))
      transaction.Commit();
    else
      all_queued = false;
  }
  if (full && all_queued) full_due_ = std::chrono::steady_clock::now() + kFullEvery;
  queued_();
}

Config WithPolling(Config config, std::chrono::milliseconds every) {
  config.poll_mem0 = every;
  for (ProjectConfig& project : config.projects) {
    project.webhook.manage = false;
    project.webhook.public_url.clear();
    project.canary.reset();
  }
  return config;
}

}  // namespace membridge::admin
