#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "admin/runtime/periodic.hpp"
#include "mappings/base/time.hpp"
#include "sync/worker/history.hpp"

namespace membridge::admin {

/// Adds what this process does to the history of the state database, every few seconds. Threads: any, besides its own.
class HistoryKeeping {
 public:
  /// Returns the counts since the process began, and how many memories are parked now.
  using Look = std::function<sync::HistoryStep()>;

  /// `clock` and whatever `look` uses outlive it.
  HistoryKeeping(std::string state_dsn, const Clock& clock, Look look);

  /// Adds what was not added yet. When the database is away it is added the next time.
  void Keep();

 private:
  const std::string state_dsn_;
  const Clock& clock_;
  const Look look_;
  std::mutex mutex_;
  sync::HistoryStep kept_;  // guarded by mutex_: what was added so far
  Periodic thread_;         // last: it uses the others
};

}  // namespace membridge::admin
