#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

namespace membridge::sync::mem0 {

/// What all clients of one project share: a token bucket whose rate is learnt. Mem0 publishes no limits, so the rate halves when
/// Mem0 says 429 (at most once a second, since the calls under way at that moment are all refused) and grows back in small steps
/// while calls succeed. Live work goes before background work: while a live caller waits, background callers get nothing.
/// Thread-safe.
class CallBudget {
 public:
  using Steady = std::function<std::chrono::steady_clock::time_point()>;

  /// Starts at `per_second` calls, which is also the most it grows back to, with bursts of `burst`. `now` is for tests.
  explicit CallBudget(double per_second = 50, double burst = 50, Steady now = {});
  ~CallBudget();

  /// When the next call may start: zero means now, and takes the token. Otherwise wait that long and ask again.
  std::chrono::milliseconds Take(bool background);
  /// When a live call could start, without taking anything: zero means now.
  std::chrono::milliseconds NextTurn() const;
  /// The server said 429 or 503. With a time to wait nobody calls before it is over.
  void Throttled(std::optional<std::chrono::milliseconds> retry_after);
  void Succeeded();

  /// The rate as learnt so far, and what it grows back to.
  double PerSecond() const;
  double MostPerSecond() const;
  /// How long a Retry-After still holds everybody back; zero when none does.
  std::chrono::milliseconds Paused() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace membridge::sync::mem0
