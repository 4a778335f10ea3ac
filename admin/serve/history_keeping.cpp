#include "admin/serve/history_keeping.hpp"

#include <algorithm>
#include <utility>

#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

constexpr std::chrono::seconds kEvery{10};

/// Returns what came on top of `before`, and the parked memories of `now`.
sync::HistoryStep Between(const sync::HistoryStep& before, const sync::HistoryStep& now) {
  sync::HistoryStep between{.deliveries = now.deliveries - before.deliveries, .lags = now.lags.Since(before.lags)};
  for (std::size_t i = 0; i < now.fates.size(); ++i) between.fates[i] = now.fates[i] - before.fates[i];
  between.parked = now.parked;
  return between;
}

bool IsWorthKeeping(const sync::HistoryStep& step) {
  return step.deliveries > 0 || step.lags.Total() > 0 || step.parked.value_or(0) > 0 ||
         std::any_of(step.fates.begin(), step.fates.end(), [](auto count) { return count > 0; });
}

}  // namespace

HistoryKeeping::HistoryKeeping(std::string state_dsn, const Clock& clock, Look look)
    : state_dsn_(std::move(state_dsn)), clock_(clock), look_(std::move(look)), thread_("history", [this](const std::stop_token&) {
        Keep();
        return kEvery;
      }) {}

void HistoryKeeping::Keep() {
  const std::lock_guard lock{mutex_};
  const sync::HistoryStep now = look_();
  sync::HistoryStep step = Between(kept_, now);
  if (!IsWorthKeeping(step)) return;
  step.at = clock_.Now();
  sync::postgres::Session session{state_dsn_, "membridge history"};
  sync::postgres::Transaction transaction = session.Begin();
  sync::History{transaction}.Add(step);
  transaction.Commit();
  kept_ = now;
}

}  // namespace membridge::admin
