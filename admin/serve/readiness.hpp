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

/// What the state database looked like when somebody last looked.
struct QueueLook {
  std::chrono::steady_clock::time_point at;
  bool reachable = false;
  bool writable = false;  ///< neither a standby nor read-only
  bool migrated = false;
  bool newer = false;                          ///< migrated by a newer binary, beside which this one does not run
  std::int64_t dirty = 0;                      ///< memories that wait or are being worked on
  std::int64_t claimed = 0;                    ///< of these, being worked on by some process
  std::chrono::duration<double> oldest_due{};  ///< how long the oldest one that nobody works on has been due
  std::int64_t at_work = 0;  ///< memories that are due, worked on, or tried again after a failure other than a lock
  sync::BlockedSum blocked;  ///< memories put back because another session holds a lock
  std::int64_t parked = 0;
  std::int64_t waiting = 0;                         ///< memories that need a row that is not there
  std::int64_t events = 0;                          ///< that no mapping has counted yet; without those that one refused
  std::chrono::duration<double> oldest_event{};     ///< how long the oldest of them has waited
  std::chrono::duration<double> oldest_unfolded{};  ///< how long the oldest delivery without marks has been stored
};

/// Looks at the state database every second or two (less often when looking takes long), so that /readyz and /metrics answer at
/// once and never add load. Tells the reasons `standstill` and `blocked`, which it learns from the queue.
/// Threads: one of its own; Last() and Ready() from any.
class Readiness {
 public:
  struct Sources {
    std::function<std::uint64_t()> finished;  ///< memories and events this process has finished since it started; empty: it has
                                              ///< no workers, and a standstill is not its to tell
    std::function<bool()> storing_fails;      ///< whether the latest attempts to store deliveries failed
  };
  /// `reasons` and what `sources` point at outlive it.
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
