#pragma once

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

namespace membridge::admin {

/// The progress of a long piece of work.
struct ProgressLook {
  std::string what;  ///< its name: `sweep`
  std::string unit;  ///< what is counted: `memories`
  std::int64_t done = 0;
  std::optional<std::int64_t> total;  ///< nothing: not known
  double per_second = 0;
  std::optional<std::chrono::seconds> left;
};

/// `1,250 of 5,000 memories, 410/s, 9 s left`
std::string TextOf(const ProgressLook& look);
/// `45 s`, `3 min 20 s`, `2 h 5 min`
std::string TextOf(std::chrono::seconds time);

/// Shows the progress of a command: on a terminal as a bar that is redrawn; elsewhere as plain lines, at most one every five
/// seconds, so that a log stays short. Threads: one.
class ProgressDisplay {
 public:
  using Time = std::chrono::steady_clock::time_point;
  enum class Kind { kBar, kLines };
  /// Returns the kind that fits the process's stderr.
  static Kind ForStderr();

  ProgressDisplay(std::ostream& err, Kind kind) : err_(err), kind_(kind) {}
  ~ProgressDisplay() { End(); }
  ProgressDisplay(const ProgressDisplay&) = delete;
  ProgressDisplay& operator=(const ProgressDisplay&) = delete;

  void Show(const ProgressLook& look, Time now = std::chrono::steady_clock::now());
  /// Removes the bar, so that the next output begins on its own line.
  void End();

 private:
  std::ostream& err_;
  const Kind kind_;
  std::optional<Time> shown_at_;
  std::string shown_;
  bool drawn_ = false;
};

}  // namespace membridge::admin
