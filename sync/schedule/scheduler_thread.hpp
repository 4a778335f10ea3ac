#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>

#include "sync/schedule/scheduler.hpp"

namespace membridge::sync {

/// Runs a scheduler in a thread. When the database is away, it tries again with growing pauses. Thread-safe.
class SchedulerThread {
 public:
  /// Starts at once. `poll`: how often it looks for runs that other processes or people queued.
  explicit SchedulerThread(std::unique_ptr<Scheduler> scheduler, std::chrono::milliseconds poll = std::chrono::seconds{2});
  ~SchedulerThread();  ///< finishes the step under way and gives back the runs

  /// Looks for something to do now.
  void Poke();
  void RequestStop();

 private:
  void Work(const std::stop_token& stop);
  void Pause(const std::stop_token& stop, std::chrono::milliseconds time);

  std::unique_ptr<Scheduler> scheduler_;
  const std::chrono::milliseconds poll_;
  std::mutex mutex_;
  std::condition_variable_any poked_;
  bool is_poked_ = false;  // guarded by mutex_
  std::jthread thread_;    // last: it uses everything above
};

}  // namespace membridge::sync
