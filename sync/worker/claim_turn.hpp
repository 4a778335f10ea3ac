#pragma once

#include <chrono>
#include <mutex>

namespace membridge::sync {

/// Lets the workers of a process claim one after the other. What is due at a moment then goes to one of them, is read from Mem0
/// with one call and applied together, while the others are ready for what comes next. Thread-safe.
class ClaimTurn {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// The turn, until it is destroyed.
  class Held {
   public:
    explicit Held(ClaimTurn& turn) : turn_(turn), lock_(turn.mutex_) {}

    /// Whether another worker, that looked after this moment, claimed everything that was due.
    bool NothingLeft(TimePoint since) const { return turn_.emptied_at_ > since; }
    /// Tells that everything was claimed that was due when this worker looked.
    void Emptied(TimePoint looked_at) { turn_.emptied_at_ = looked_at; }

   private:
    ClaimTurn& turn_;
    const std::lock_guard<std::mutex> lock_;
  };

 private:
  std::mutex mutex_;
  TimePoint emptied_at_{};  // guarded by mutex_
};

}  // namespace membridge::sync
