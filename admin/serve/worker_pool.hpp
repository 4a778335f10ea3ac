#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "sync/queue/wake_up.hpp"
#include "sync/worker/worker.hpp"

namespace membridge::admin {

/// The worker threads of one process. A worker whose database is away tries again with growing pauses. A worker that throws is
/// replaced by a new one. Threads: one thread makes, stops and destroys the pool.
class WorkerPool {
 public:
  using MakeWorker = std::function<std::unique_ptr<sync::Worker>()>;

  /// Starts at once. `wake_up` outlives the pool.
  WorkerPool(std::size_t threads, std::chrono::milliseconds poll, sync::WakeUp& wake_up, MakeWorker make_worker);
  ~WorkerPool();

  /// Makes the workers claim nothing new; claimed work is finished. Returns at once.
  void RequestStop();
  /// Waits until every worker has finished, for at most `patience`. Returns false when one has not.
  bool WaitFinished(std::chrono::milliseconds patience);

  /// Returns when a round last succeeded, on the steady clock; the start when none has. Any thread.
  std::chrono::steady_clock::time_point LastRound() const { return std::chrono::steady_clock::time_point{last_round_.load()}; }

 private:
  void Work(const std::stop_token& stop);
  void WorkUntilFailure(const std::stop_token& stop, sync::Worker& worker);

  const std::chrono::milliseconds poll_;
  sync::WakeUp& wake_up_;
  const MakeWorker make_worker_;
  std::atomic<std::chrono::steady_clock::duration> last_round_;
  std::mutex mutex_;
  std::condition_variable finished_;
  std::size_t running_;                // guarded by mutex_
  std::vector<std::jthread> threads_;  // last: they use everything above
};

}  // namespace membridge::admin
