#pragma once

#include "admin/runtime/metrics.hpp"
#include "admin/serve/readiness.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {

/// Exports what the workers count and what the monitor sees. Both outlive the metrics, or are told to Forget() first.
void WatchSync(Metrics& metrics, const sync::WorkerCounters& counters, const sync::FoldCounters& folds, const Monitor& monitor);

}  // namespace membridge::admin
