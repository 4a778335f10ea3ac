#include "admin/serve/source_watch.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "admin/runtime/mem0_clients.hpp"
#include "mappings/base/log.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/postgres/lease.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using std::chrono::steady_clock;
using sync::source::SourceStanding;

constexpr std::chrono::seconds kWatchLease{15};
constexpr milliseconds kRenewEvery = 5s;
constexpr milliseconds kBesideAnother = 1s;
constexpr milliseconds kBusyPause = 2ms;
constexpr milliseconds kIdlePause = 250ms;
constexpr milliseconds kStaysBusy = 100ms;  // after the last change
constexpr milliseconds kWithoutLog = 1s;
constexpr milliseconds kQueueEvery = 1s;

}  // namespace

/// One project: its thread, and what that owns.
class SourceWatch::Watched {
 public:
  Watched(SourceWatch& watch, const ProjectConfig& project, const std::string& state_dsn, const Clock& clock,
          std::function<void()> marked, std::function<void()> queued)
      : watch_(watch),
        project_(project),
        clock_(clock),
        marked_(std::move(marked)),
        queued_(std::move(queued)),
        state_(state_dsn, "membridge source"),
        feeder_({.project = project.id, .dsn = project.source->dsn, .table = TableOf(*project.source), .state_dsn = state_dsn}),
        thread_("source", [this](const std::stop_token&) { return Step(); }) {}

  void RequestStop() { thread_.RequestStop(); }

 private:
  /// Takes or renews the lease. Returns false while another process looks for this project's changes.
  bool Holds() {
    if (state_.IsBroken()) lease_.reset();
    sync::postgres::Session& session = state_.Get();
    if (!lease_) {
      if (auto lease = sync::Lease::Take(session, "source/" + project_.id.Text(), kWatchLease)) lease_.emplace(std::move(*lease));
      renewed_ = steady_clock::now();
    } else if (steady_clock::now() >= renewed_ + kRenewEvery) {
      if (!lease_->Renew(kWatchLease)) lease_.reset();
      renewed_ = steady_clock::now();
    }
    return lease_.has_value();
  }

  milliseconds Step() {
    if (!Holds()) {
      watch_.Note(project_.id, {});
      return kBesideAnother;
    }
    const std::size_t taken = feeder_.Step();
    if (taken > 0) marked_();
    const SourceStanding& standing = feeder_.Standing();
    watch_.Note(project_.id, standing);
    QueueSweeps(standing);
    if (standing.mode != SourceStanding::Mode::kLive) return kWithoutLog;
    const auto now = steady_clock::now();
    if (taken > 0) changed_ = now;
    if (changed_ && now < *changed_ + kStaysBusy) return kBusyPause;
    idle_ = changed_ && now < *changed_ + 2 * kIdlePause ? 2 * kBusyPause : std::min(idle_ * 2, kIdlePause);
    return idle_;
  }

  void QueueSweeps(const SourceStanding& standing) {
    if (standing.mode == SourceStanding::Mode::kAway || standing.mode == SourceStanding::Mode::kUnknown) return;
    const auto now = steady_clock::now();
    if (now < queue_again_) return;
    queue_again_ = now + kQueueEvery;
    if (standing.wanted) {
      if (Queue(sync::BackfillKind::kFullSweep, true))
        Log(LogLevel::kInfo, "source_sweep_queued", {{"project", project_.id.Text()}, {"reason", *standing.wanted}});
      return;
    }
    if (standing.mode != SourceStanding::Mode::kPolling) return;
    if (now >= full_due_) {
      if (Queue(sync::BackfillKind::kFullSweep, false)) full_due_ = poll_due_ = now;
      if (full_due_ == now) {
        full_due_ += project_.source->sweep;
        poll_due_ += project_.source->poll;
      }
    } else if (now >= poll_due_ && Queue(sync::BackfillKind::kIncrementalSweep, false)) {
      poll_due_ = now + project_.source->poll;
    }
  }

  /// Returns false while a run of this name is under way; the next round tries again.
  bool Queue(sync::BackfillKind kind, bool wanted) {
    sync::postgres::Transaction transaction = state_.Get().Begin();
    sync::Run run;
    run.project = project_.id;
    run.name = "source " + project_.id.Text();
    run.kind = kind;
    run.queued_at = run.due_at = clock_.Now();
    if (!sync::RunStore{transaction}.Queue(run)) return false;
    if (wanted) sync::source::SourceState{transaction}.WantNoMore(project_.id);
    transaction.Commit();
    queued_();
    return true;
  }

  SourceWatch& watch_;
  const ProjectConfig& project_;
  const Clock& clock_;
  const std::function<void()> marked_, queued_;
  sync::postgres::KeptSession state_;
  std::optional<sync::Lease> lease_;
  sync::source::Feeder feeder_;
  steady_clock::time_point renewed_{}, queue_again_{}, full_due_{}, poll_due_{};
  std::optional<steady_clock::time_point> changed_;
  milliseconds idle_ = kIdlePause;
  Periodic thread_;
};

SourceWatch::SourceWatch(const Config& config, const std::string& state_dsn, const Clock& clock, Metrics& metrics,
                         std::function<void()> marked, std::function<void()> queued) {
  const auto each = [this](auto value) {
    return [this, value] {
      const std::lock_guard lock{mutex_};
      std::vector<MetricSample> samples;
      for (const auto& [project, standing] : standings_) samples.push_back({{{"project", project.Text()}}, value(standing)});
      return samples;
    };
  };
  const bool any = std::ranges::any_of(config.projects, [](const ProjectConfig& project) { return project.source.has_value(); });
  if (!any) return;
  metrics.Watch(Metrics::Kind::kGauge, "membridge_source_live",
                "Whether changes of a self-hosted Mem0 are found by its change log",
                each([](const SourceStanding& one) { return one.mode == SourceStanding::Mode::kLive ? 1.0 : 0.0; }));
  metrics.Watch(Metrics::Kind::kCounter, "membridge_source_entries_total",
                "Changes taken from the change log of a self-hosted Mem0",
                each([](const SourceStanding& one) { return static_cast<double>(one.taken); }));
  for (const ProjectConfig& project : config.projects) {
    if (project.source) watched_.push_back(std::make_unique<Watched>(*this, project, state_dsn, clock, marked, queued));
  }
}

SourceWatch::~SourceWatch() = default;

void SourceWatch::RequestStop() {
  for (const auto& one : watched_) one->RequestStop();
}

void SourceWatch::Stop() {
  watched_.clear();
}

void SourceWatch::Note(const ProjectId& project, const SourceStanding& standing) {
  const std::lock_guard lock{mutex_};
  standings_[project] = standing;
}

std::vector<Reason> SourceWatch::Troubles() const {
  const std::lock_guard lock{mutex_};
  std::vector<Reason> troubles;
  for (const auto& [project, standing] : standings_) {
    const bool away = standing.mode == SourceStanding::Mode::kAway;
    if (!away && !standing.replaced && !standing.broken) continue;
    Reason& trouble = troubles.emplace_back();
    trouble.kind = away ? Degraded::kSourceAway : Degraded::kSourceUnwatched;
    trouble.subject.project = project.Text();
    trouble.message = standing.error.message;
    trouble.hint = standing.error.hint;
  }
  return troubles;
}

}  // namespace membridge::admin
