#pragma once

#include <chrono>
#include <optional>

namespace membridge::receiver::http {

/// A timer that an event loop can watch. Threads: one.
class Timer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Throws std::system_error when the kernel cannot make one.
  Timer();
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  int fd() const { return fd_; }
  /// Makes the timer fire at this moment at the latest; nothing means that no deadline is left. An earlier moment that was set
  /// before stays: firing too early costs one look, but setting the timer again for every request would cost a system call each.
  void FireBy(std::optional<Time> moment);
  /// Resets the timer after it has fired.
  void Quieten();

 private:
  const int fd_;
  std::optional<Time> armed_;
};

}  // namespace membridge::receiver::http
