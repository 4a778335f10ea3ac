#pragma once

#include "admin/runtime/metrics.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/serve/readiness.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {

/// Exports the workers' counters and the last look at the queue. All of them outlive the metrics, or Metrics::Forget() is called
/// first.
void WatchSync(Metrics& metrics, const sync::WorkerCounters& counters, const sync::FoldCounters& folds,
               const Readiness& readiness);

/// Exports `membridge_degraded{reason}`, 0 or 1 for every reason. `reasons` outlives the metrics, or Metrics::Forget() is called
/// first.
void WatchReasons(Metrics& metrics, Reasons& reasons);

}  // namespace membridge::admin
