#pragma once

#include "admin/runtime/metrics.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/serve/readiness.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {

/// Exports what the workers count and what was last seen of the queue. Both outlive the metrics, or Metrics::Forget() comes
/// first.
void WatchSync(Metrics& metrics, const sync::WorkerCounters& counters, const sync::FoldCounters& folds,
               const Readiness& readiness);

/// Exports `membridge_degraded{reason}`, 0 or 1 for every reason there is. The same holds for `reasons`.
void WatchReasons(Metrics& metrics, Reasons& reasons);

}  // namespace membridge::admin
