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

/// Says that this process takes deliveries, and has swept what nobody could take: after a start, unless another process listened
/// all the while, and after a webhook was made or came back (membridge.catching_up). Threads: one of its own.
class CatchUpWatch {
 public:
  /// `queued` is called when a sweep was queued. Everything referred to outlives it. Make it once deliveries are taken.
  CatchUpWatch(const Config& config, std::string state_dsn, const Clock& clock, std::function<void()> queued);
  /// Ends the thread, and says that this process does not listen any more.
  ~CatchUpWatch();

  /// Whether it is known by now what this start has to catch up with. Threads: any.
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
