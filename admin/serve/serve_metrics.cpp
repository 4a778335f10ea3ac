#include "admin/serve/serve_metrics.hpp"

#include <set>

#include "mappings/base/version.hpp"

namespace membridge::admin {
namespace {

double Of(const std::atomic<std::uint64_t>& counter) {
  return static_cast<double>(counter.load());
}

std::vector<MetricSample> One(double value) {
  return {{{}, value}};
}

}  // namespace

void WatchSync(Metrics& metrics, const sync::WorkerCounters& counters, const sync::FoldCounters& folds,
               const Readiness& readiness) {
  using Kind = Metrics::Kind;
  metrics.Watch(Kind::kCounter, "membridge_memories_claimed_total", "Memories taken from the queue",
                [&] { return One(Of(counters.claimed)); });
  metrics.Watch(Kind::kCounter, "membridge_memories_total", "What became of claimed memories", [&] {
    return std::vector<MetricSample>{
        {{{"outcome", "applied"}}, Of(counters.applied)},     {{{"outcome", "unchanged"}}, Of(counters.unchanged)},
        {{{"outcome", "withdrawn"}}, Of(counters.withdrawn)}, {{{"outcome", "parked"}}, Of(counters.parked)},
        {{{"outcome", "late"}}, Of(counters.late)},           {{{"outcome", "retried"}}, Of(counters.retried)}};
  });
  metrics.Watch(Kind::kCounter, "membridge_suppressed_memories_total",
                "Memories of erased people that deliveries or sweeps led to; nothing of them was kept",
                [&] { return One(Of(counters.suppressed)); });
  metrics.Watch(Kind::kCounter, "membridge_withdrawals_held_total",
                "Memories that vanished at Mem0, too many at once and unannounced, and were parked instead of withdrawn",
                [&] { return One(Of(counters.held)); });
  metrics.Watch(Kind::kCounter, "membridge_contradictions_total",
                "Reads in which Mem0 did not have a memory that its list did not lack",
                [&] { return One(Of(counters.contradicted)); });
  metrics.Watch(Kind::kCounter, "membridge_events_total", "What became of deliveries given to mappings from events", [&] {
    return std::vector<MetricSample>{{{{"outcome", "counted"}}, Of(counters.events_counted)},
                                     {{{"outcome", "discarded"}}, Of(counters.events_discarded)},
                                     {{{"outcome", "parked"}}, Of(counters.events_parked)}};
  });
  metrics.Watch(Kind::kCounter, "membridge_reads_total", "Reads at Mem0 on behalf of the queue", [&] {
    return std::vector<MetricSample>{{{{"kind", "list"}}, Of(counters.list_reads)},
                                     {{{"kind", "single"}}, Of(counters.single_reads)}};
  });
  metrics.Watch(Kind::kGauge, "membridge_last_lag_seconds", "Newest delivery to committed rows, of the memory applied last",
                [&] { return One(Of(counters.lag_microseconds) / 1e6); });
  metrics.WatchHistogram("membridge_delivery_to_row_seconds",
                         "From the mark that a delivery made to committed rows, of memories whose rows changed", [&] {
                           const sync::LagCounts lags = counters.lag.Counts();
                           return MetricHistogram{{sync::LagCounts::kBounds.begin(), sync::LagCounts::kBounds.end()},
                                                  {lags.counts.begin(), lags.counts.end()},
                                                  lags.seconds};
                         });
  metrics.Watch(Kind::kGauge, "membridge_dirty_memories", "Memories that must be read again",
                [&] { return One(static_cast<double>(readiness.Last().dirty)); });
  metrics.Watch(Kind::kGauge, "membridge_dirty_oldest_seconds", "How long the oldest memory nobody works on has been due",
                [&] { return One(std::max(0.0, readiness.Last().oldest_due.count())); });
  metrics.Watch(Kind::kGauge, "membridge_parked_memories", "Memories that cannot be applied as things stand",
                [&] { return One(static_cast<double>(readiness.Last().parked)); });
  metrics.Watch(Kind::kGauge, "membridge_blocked_memories", "Memories that wait because another session holds a lock",
                [&] { return One(static_cast<double>(readiness.Last().blocked.memories)); });
  metrics.Watch(Kind::kGauge, "membridge_blocked_oldest_seconds", "How long the memory has been blocked that waits longest",
                [&] { return One(readiness.Last().blocked.oldest.count()); });
  metrics.Watch(Kind::kGauge, "membridge_events_waiting", "Events that no mapping has counted yet",
                [&] { return One(static_cast<double>(readiness.Last().events)); });
  metrics.Watch(Kind::kGauge, "membridge_events_oldest_seconds", "How long the oldest event that waits has been waiting",
                [&] { return One(std::max(0.0, readiness.Last().oldest_event.count())); });
  metrics.Watch(Kind::kGauge, "membridge_waiting_memories", "Memories that need a row which only another memory can make",
                [&] { return One(static_cast<double>(readiness.Last().waiting)); });
  metrics.Watch(Kind::kCounter, "membridge_deliveries_folded_total", "Deliveries turned into marks and events by this process",
                [&] { return One(Of(folds.deliveries)); });
  metrics.Watch(Kind::kCounter, "membridge_folds_total", "Folds of the journal by this process that found something",
                [&] { return One(Of(folds.folds)); });
  metrics.Watch(Kind::kCounter, "membridge_fold_failures_total", "Folds that failed although no delivery was at fault",
                [&] { return One(Of(folds.failures)); });
  metrics.Watch(Kind::kCounter, "membridge_deliveries_parked_total", "Deliveries that could not be turned into marks and events",
                [&] { return One(Of(folds.parked)); });
  metrics.Watch(Kind::kGauge, "membridge_fold_lag_seconds", "How long the oldest delivery that is not folded yet has been stored",
                [&] { return One(std::max(0.0, readiness.Last().oldest_unfolded.count())); });
  metrics.Watch(Kind::kGauge, "membridge_ready", "Whether /readyz says so", [&] { return One(readiness.Ready().ready ? 1 : 0); });
  metrics.Watch(Kind::kGauge, "membridge_build_info", "Always 1; the version is the label", [] {
    return std::vector<MetricSample>{{{{"version", kVersion}}, 1}};
  });
}

void WatchReasons(Metrics& metrics, Reasons& reasons) {
  metrics.Watch(Metrics::Kind::kGauge, "membridge_degraded", "1 while the reason stands for which /readyz says degraded", [&] {
    std::set<Degraded> standing;
    for (const Reason& reason : reasons.All()) standing.insert(reason.kind);
    std::vector<MetricSample> samples;
    for (const Degraded kind : kAllDegraded)
      samples.push_back({{{"reason", std::string{NameOf(kind)}}}, standing.count(kind) > 0 ? 1.0 : 0.0});
    return samples;
  });
}

}  // namespace membridge::admin
