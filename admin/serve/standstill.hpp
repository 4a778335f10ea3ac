#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace membridge::admin {

/// Detects that work waits and none of it is finished. It is given one look after the other. Threads: one.
class Standstill {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Shorter than the thirty seconds within which an operator must be informed, because looks are seconds apart.
  static constexpr std::chrono::seconds kAfter{20};

  /// `waiting`: memories that are due, worked on or tried again after a failure; `finished`: how many this process has finished
  /// since it started. Returns whether for the last kAfter something waited at every look and nothing was finished.
  bool Look(Time now, std::int64_t waiting, std::uint64_t finished) {
    if (waiting == 0 || finished != finished_ || !since_) since_ = now;
    finished_ = finished;
    return now - *since_ >= kAfter;
  }

 private:
  std::optional<Time> since_;
  std::uint64_t finished_ = 0;
};

}  // namespace membridge::admin
