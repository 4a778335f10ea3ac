#include "admin/serve/backfill_metrics.hpp"

#include <algorithm>
#include <utility>

#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using Samples = std::vector<MetricSample>;

constexpr std::chrono::milliseconds kPause = 2s;

MetricSample Sample(const std::string& backfill, std::int64_t value) {
  return {{{"backfill", backfill}}, static_cast<double>(value)};
}

MetricSample Sample(const std::string& backfill, const std::string& label, const std::string& of, std::int64_t value) {
  return {{{"backfill", backfill}, {label, of}}, static_cast<double>(value)};
}

}  // namespace

BackfillMetrics::BackfillMetrics(std::vector<sync::Backfill> entries, std::string state_dsn, const Clock& clock, Metrics& metrics)
    : entries_(std::move(entries)), state_dsn_(std::move(state_dsn)), clock_(clock) {
  Watch(metrics);
  thread_.emplace("backfill_metrics", [this](const std::stop_token&) { return LookOnce(); });
}

std::chrono::milliseconds BackfillMetrics::LookOnce() {
  sync::postgres::Session session{state_dsn_, "membridge metrics"};
  sync::postgres::Transaction transaction = session.Begin();
  Look look{sync::TotalsOf(transaction), sync::StandingsOf(transaction, entries_, clock_.Now()), sync::ParkedUsers(transaction),
            sync::SweepsWithoutConclusion(transaction)};
  transaction.Commit();
  const std::lock_guard lock{mutex_};
  last_ = std::move(look);
  return kPause;
}

BackfillMetrics::Look BackfillMetrics::Last() const {
  const std::lock_guard lock{mutex_};
  return last_;
}

std::vector<Reason> BackfillMetrics::Troubles() const {
  std::vector<Reason> troubles;
  for (const sync::FailedSweep& sweep : Last().without_conclusion) {
    Reason& trouble = troubles.emplace_back();
    trouble.kind = Degraded::kSweepConcludedNothing;
    trouble.subject.project = sweep.project.Text();
    trouble.subject.backfill = sweep.name;
    trouble.message = "the last full sweep could not tell which memories are gone: " + sweep.error;
  }
  return troubles;
}

void BackfillMetrics::Watch(Metrics& metrics) {
  using Kind = Metrics::Kind;
  metrics.Watch(Kind::kCounter, "membridge_backfill_runs_total", "Runs of exports and sweeps that are over, by how they ended",
                [this] {
                  Samples samples;
                  for (const auto& total : Last().totals) {
                    samples.push_back(Sample(total.name, "outcome", "done", total.done));
                    samples.push_back(Sample(total.name, "outcome", "failed", total.failed));
                    samples.push_back(Sample(total.name, "outcome", "cancelled", total.cancelled));
                  }
                  return samples;
                });
  metrics.Watch(Kind::kCounter, "membridge_backfill_repaired_total",
                "Memories a sweep had to repair because no delivery brought their change: lost deliveries", [this] {
                  Samples samples;
                  for (const auto& total : Last().totals) {
                    samples.push_back(Sample(total.name, "change", "added", total.repaired_added));
                    samples.push_back(Sample(total.name, "change", "updated", total.repaired_updated));
                    samples.push_back(Sample(total.name, "change", "deleted", total.repaired_deleted));
                  }
                  return samples;
                });
  metrics.Watch(Kind::kGauge, "membridge_backfill_last_success_age_seconds", "How long ago the last run was done", [this] {
    Samples samples;
    for (const auto& total : Last().totals) {
      if (!total.done_at) continue;
      const auto age = std::chrono::floor<std::chrono::seconds>(clock_.Now() - *total.done_at);
      samples.push_back(Sample(total.name, std::max<std::int64_t>(0, age.count())));
    }
    return samples;
  });
  metrics.Watch(Kind::kGauge, "membridge_backfill_running", "Whether a run is under way", [this] {
    Samples samples;
    for (const auto& standing : Last().standings) {
      const bool running = standing.active && standing.active->state == sync::RunState::kRunning;
      samples.push_back(Sample(standing.backfill.name, running ? 1 : 0));
    }
    return samples;
  });
  metrics.Watch(Kind::kGauge, "membridge_backfill_paused", "Whether a person has paused it", [this] {
    Samples samples;
    for (const auto& standing : Last().standings) samples.push_back(Sample(standing.backfill.name, standing.paused_at ? 1 : 0));
    return samples;
  });
  metrics.Watch(Kind::kGauge, "membridge_backfill_parked_users", "Users whose export does not fit their row, by mapping", [this] {
    Samples samples;
    for (const auto& [mapping, users] : Last().parked_users) {
      samples.push_back({{{"mapping", mapping}}, static_cast<double>(users)});
    }
    return samples;
  });
}

}  // namespace membridge::admin
