#pragma once

#include <chrono>
#include <optional>

namespace membridge::receiver::http {

/// A timer that an event loop can watch. Threads: one.
class Timer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// Throws std::system_error when the kernel gives none.
  Timer();
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  int fd() const { return fd_; }
  /// It fires at this moment at the latest; nothing: nobody waits. One that fires too early costs one look, and setting it anew
  /// for every request would cost a system call each: so an earlier moment that was set before stays.
  void FireBy(std::optional<Time> moment);
  /// It fired.
  void Quieten();

 private:
  const int fd_;
  std::optional<Time> armed_;
};

}  // namespace membridge::receiver::http
