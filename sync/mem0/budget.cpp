#include "sync/mem0/budget.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <utility>

namespace membridge::sync::mem0 {
namespace {

using namespace std::chrono_literals;
using TimePoint = std::chrono::steady_clock::time_point;
using Seconds = std::chrono::duration<double>;

constexpr auto kOneCutPer = 1s;
constexpr auto kLateness = 50ms;      // how late a live caller may come back before background work takes its turn
constexpr double kFullRecovery = 20;  // seconds of success from nothing to the full rate
constexpr double kRounding = 1e-6;    // of a token: sums of fractions fall short of a whole one
constexpr double kSlowest = 0.01;     // of the full rate: a share, so that a sick Mem0 is still tried

}  // namespace

struct CallBudget::State {
  State(double per_second, double most, CallBudget::Steady clock)
      : now(std::move(clock)),
        full_rate(per_second),
        burst(std::max(most, 1.0)),
        rate(per_second),
        tokens(burst),
        filled_at(now()) {}

  /// Bursts shrink with the rate; otherwise one burst after a pause would earn the next 429.
  double Capacity() const { return std::max(1.0, burst * rate / full_rate); }

  double TokensAt(TimePoint at) const { return std::min(Capacity(), tokens + Seconds{at - filled_at}.count() * rate); }

  void Refill(TimePoint at) {
    tokens = TokensAt(at);
    filled_at = at;
  }

  /// How long until there are `needed` tokens when there are `had`.
  TimePoint::duration UntilFilled(double had, double needed) const {
    return std::chrono::duration_cast<TimePoint::duration>(Seconds{(needed - had) / rate});
  }

  mutable std::mutex mutex;
  CallBudget::Steady now;
  const double full_rate;
  const double burst;
  // guarded by mutex
  double rate;
  double tokens;
  std::uint64_t taken = 0;
  TimePoint filled_at;
  TimePoint paused_until{};
  TimePoint live_until{};  ///< a live caller was told to come back about now
  std::optional<TimePoint> cut_at;
  std::optional<TimePoint> grown_at;
};

CallBudget::CallBudget(double per_second, double burst, Steady now)
    : state_(std::make_unique<State>(per_second, burst,
                                     now ? std::move(now) : Steady{[] { return std::chrono::steady_clock::now(); }})) {}

CallBudget::~CallBudget() = default;

std::chrono::milliseconds CallBudget::Take(bool background) {
  const std::lock_guard lock{state_->mutex};
  State& state = *state_;
  const auto now = state.now();
  state.Refill(now);
  const auto told = [&](std::chrono::steady_clock::duration wait) {
    const auto rounded = std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), 1ms);
    if (!background) state.live_until = std::max(state.live_until, now + rounded + kLateness);
    return rounded;
  };
  if (now < state.paused_until) return told(state.paused_until - now);
  if (background && now < state.live_until) return told(state.live_until - now);
  // Background work leaves one token for live work, where the bucket holds more than one.
  const double needed = background ? std::min(2.0, state.Capacity()) : 1.0;
  if (state.tokens + kRounding >= needed) {
    state.tokens -= 1;
    ++state.taken;
    if (!background) state.live_until = now;
    return 0ms;
  }
  return told(state.UntilFilled(state.tokens, needed));
}

std::chrono::milliseconds CallBudget::NextTurn() const {
  const std::lock_guard lock{state_->mutex};
  const auto now = state_->now();
  if (now < state_->paused_until) return std::chrono::ceil<std::chrono::milliseconds>(state_->paused_until - now);
  const double tokens = state_->TokensAt(now);
  return tokens + kRounding >= 1 ? 0ms : std::chrono::ceil<std::chrono::milliseconds>(state_->UntilFilled(tokens, 1));
}

void CallBudget::Throttled(std::optional<std::chrono::milliseconds> retry_after) {
  const std::lock_guard lock{state_->mutex};
  State& state = *state_;
  const auto now = state.now();
  state.Refill(now);
  if (retry_after) state.paused_until = std::max(state.paused_until, now + *retry_after);
  state.tokens = 0;
  if (state.cut_at && now - *state.cut_at < kOneCutPer) return;
  state.cut_at = now;
  state.rate = std::max(state.rate / 2, state.full_rate * kSlowest);
}

void CallBudget::Succeeded() {
  const std::lock_guard lock{state_->mutex};
  State& state = *state_;
  const auto now = state.now();
  // The rate grows with the time that passed, not with the number of calls, so a fast server does not raise it faster. A quiet
  // hour counts as one second.
  const double seconds = state.grown_at ? std::min(1.0, Seconds{now - *state.grown_at}.count()) : 0.0;
  state.grown_at = now;
  state.rate = std::min(state.full_rate, state.rate + state.full_rate / kFullRecovery * seconds);
}

double CallBudget::MostPerSecond() const {
  return state_->full_rate;
}

std::uint64_t CallBudget::Taken() const {
  const std::lock_guard lock{state_->mutex};
  return state_->taken;
}

double CallBudget::PerSecond() const {
  const std::lock_guard lock{state_->mutex};
  return state_->rate;
}

std::chrono::milliseconds CallBudget::Paused() const {
  const std::lock_guard lock{state_->mutex};
  const auto now = state_->now();
  return now < state_->paused_until ? std::chrono::ceil<std::chrono::milliseconds>(state_->paused_until - now) : 0ms;
}

}  // namespace membridge::sync::mem0
