#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "admin/runtime/periodic.hpp"
#include "admin/runtime/reasons.hpp"
#include "admin/serve/standstill.hpp"
#include "sync/queue/blocked.hpp"

namespace membridge::admin {

/// The state database as the last look found it.
struct QueueLook {
  std::chrono::steady_clock::time_point at;
  bool reachable = false;
  bool writable = false;  ///< neither a standby nor read-only
  bool migrated = false;
  bool newer = false;                          ///< migrated by a newer binary that this one cannot run beside
  std::int64_t dirty = 0;                      ///< memories that wait or are in work
  std::int64_t claimed = 0;                    ///< of these, those in work in any process
  std::chrono::duration<double> oldest_due{};  ///< how long the oldest due memory that is not in work has been due
  std::int64_t at_work = 0;  ///< memories that are due, in work, or to be tried again after a failure other than a lock
  sync::BlockedSum blocked;  ///< memories put back because another session holds a lock
  std::int64_t parked = 0;
  std::int64_t waiting = 0;                         ///< memories that need a row that does not exist
  std::int64_t events = 0;                          ///< events that no mapping has processed yet, without refused ones
  std::chrono::duration<double> oldest_event{};     ///< how long the oldest of these events has waited
  std::chrono::duration<double> oldest_unfolded{};  ///< how long the oldest delivery without marks has been stored
};

/// Looks at the state database every second or two (less often when a look takes long), so that /readyz and /metrics answer at
/// once and add no load. Reports the reasons `standstill` and `blocked`, which it sees in the queue. Threads: one of its own;
/// Last() and Ready() from any.
class Readiness {
 public:
  struct Sources {
    std::function<std::uint64_t()> finished;  ///< memories and events this process has finished since it started; empty: it has
                                              ///< no workers, and a standstill is not its to tell
    std::function<bool()> storing_fails;      ///< whether the last attempts to store deliveries failed
  };
  /// `reasons` and everything that `sources` use outlive it.
  Readiness(std::string state_dsn, Sources sources, Reasons& reasons);

  QueueLook Last() const;

  struct Verdict {
    bool ready = false;     ///< deliveries can be stored
    nlohmann::json detail;  ///< `{"ready":…,"checks":{"database":…,"migrations":…,"queue":…}}`: no secrets, no values
  };
  Verdict Ready() const;

 private:
  std::chrono::milliseconds Look();

  const std::string state_dsn_;
  const Sources sources_;
  Reasons& reasons_;
  Standstill standstill_;  // the thread's own
  mutable std::mutex mutex_;
  QueueLook last_;                  // guarded by mutex_
  std::optional<Periodic> thread_;  // last: it uses everything above
};

}  // namespace membridge::admin
