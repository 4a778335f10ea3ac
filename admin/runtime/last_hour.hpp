#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/worker/counters.hpp"

namespace membridge::admin {

/// Counts of what became of memories that workers claimed, in the order of kFates.
inline constexpr std::array<std::string_view, 5> kFates{"applied", "unchanged", "withdrawn", "parked", "retried"};
using FateCounts = std::array<std::uint64_t, kFates.size()>;
FateCounts FatesIn(const sync::WorkerCounters& counters);

/// Values of one moment that are stored nowhere else.
struct RecentLook {
  std::optional<double> lag_seconds;                  ///< nothing: no memory was applied yet
  std::optional<double> parked;                       ///< memories; nothing: the database was away
  std::map<std::string, double> calls_per_second;     ///< allowed at Mem0, by project
  std::map<std::string, std::uint64_t> calls_made{};  ///< at Mem0, by project, since the process began
  sync::LagCounts lags{};                             ///< since the process began
  FateCounts fates{};                                 ///< since the process began
};

/// Keeps the values of the last hour in memory, so that a chart can be drawn at once. They are lost when the process ends.
/// Threads: any.
class Recent {
 public:
  static constexpr std::chrono::seconds kStep{10};
  static constexpr std::size_t kKept = 360;

  /// Adds the values of one step. Call it once per kStep; the oldest value is dropped when there are kKept.
  void Take(RecentLook look);
  /// Returns the kept values, oldest first.
  std::vector<RecentLook> Kept() const;
  /// Returns the counts from that long ago; zero counts when the process is younger.
  sync::LagCounts LagsBefore(std::chrono::seconds ago) const;

 private:
  mutable std::mutex mutex_;
  std::deque<RecentLook> looks_;  // guarded by mutex_
};

}  // namespace membridge::admin
