#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/runtime/periodic.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/kept_session.hpp"

namespace membridge::admin {

/// Records that this process takes deliveries, and queues sweeps for deliveries that no process could take
/// (membridge.catching_up): after a start, unless another process was listening all the time, after a webhook was made or works
/// again, and after a standby of the database took over. Threads: one of its own.
class CatchUpWatch {
 public:
  /// Make it only when this process takes deliveries. `queued` is called when a sweep was queued. Everything referred to outlives
  /// it.
  CatchUpWatch(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued);
  /// Ends the thread and records that this process no longer listens.
  ~CatchUpWatch();

  /// Whether it has been decided what this start has to catch up with. Threads: any.
  bool StartJudged() const { return start_judged_; }

 private:
  std::chrono::milliseconds Look();

  const Config& config_;
  const Clock& clock_;
  const std::function<void()> queued_;
  const std::string process_;
  sync::postgres::KeptSession state_;  // the thread's own
  std::optional<Instant> began_;       // by the database's clock
  std::atomic<bool> start_judged_{false};
  std::optional<Periodic> thread_;  // last: it uses everything above
};

}  // namespace membridge::admin
