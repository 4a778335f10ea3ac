#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace membridge::admin {

/// What only the present tells, at one moment.
struct RecentLook {
  std::optional<double> lag_seconds;               ///< nothing: no memory was applied yet
  std::optional<double> parked;                    ///< memories; nothing: the database was away
  std::map<std::string, double> calls_per_second;  ///< allowed at Mem0, by project
};

/// The looks of the last hour, in memory: enough to draw a chart at once, gone with the process. Threads: any.
class Recent {
 public:
  static constexpr std::chrono::seconds kStep{10};
  static constexpr std::size_t kKept = 360;

  /// To be called once a step; the oldest goes.
  void Take(RecentLook look);
  /// Oldest first.
  std::vector<RecentLook> Kept() const;

 private:
  mutable std::mutex mutex_;
  std::deque<RecentLook> looks_;  // guarded by mutex_
};

}  // namespace membridge::admin
