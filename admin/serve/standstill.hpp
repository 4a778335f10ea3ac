#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace membridge::admin {

/// Notices that work waits and none of it is finished. Told one look after the other; for one thread.
class Standstill {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// Shorter than the thirty seconds within which an operator is told, because looks come seconds apart.
  static constexpr std::chrono::seconds kAfter{20};

  /// `waiting`: memories that are due, worked on or tried again after a failure; `finished`: how many this process has finished
  /// since it started. Answers whether, for kAfter, something waited at every look and nothing was finished.
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
