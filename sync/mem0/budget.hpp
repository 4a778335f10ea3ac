#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace membridge::sync::mem0 {

/// Limits the calls of all clients of one project: a token bucket with a learnt rate. Mem0 publishes no limits, so the rate
/// halves when Mem0 answers 429 (at most once a second, since all calls under way are refused then) and grows back in small steps
/// while calls succeed. Live work goes before background work: background callers get nothing while a live caller waits.
/// Thread-safe.
class CallBudget {
 public:
  using Steady = std::function<std::chrono::steady_clock::time_point()>;

  /// Starts at `per_second` calls, which is also the most it grows back to, with bursts of `burst`. `now` is for tests.
  explicit CallBudget(double per_second = 50, double burst = 50, Steady now = {});
  ~CallBudget();

  /// Returns how long to wait. Zero: the call may start now, and its token is taken. Otherwise wait that long and ask again.
  std::chrono::milliseconds Take(bool background);
  /// Returns how long a live call would have to wait now. Takes no token.
  std::chrono::milliseconds NextTurn() const;
  /// Call when the server answered 429 or 503. With `retry_after`, no call starts before it is over.
  void Throttled(std::optional<std::chrono::milliseconds> retry_after);
  void Succeeded();

  /// The rate as learnt so far, and the most that it grows back to.
  double PerSecond() const;
  double MostPerSecond() const;
  /// How many calls have started.
  std::uint64_t Taken() const;
  /// How long a Retry-After still holds all calls back; zero when none does.
  std::chrono::milliseconds Paused() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace membridge::sync::mem0
