#include "admin/api/throttle.hpp"

#include <utility>

namespace membridge::admin::api {

Throttle::Throttle(Limits limits, Steady now)
    : limits_(limits), now_(now ? std::move(now) : Steady{[] { return std::chrono::steady_clock::now(); }}) {}

std::optional<std::chrono::seconds> Throttle::LeftOf(const Window& window, std::size_t most, Time now) const {
  const Time end = window.began + limits_.window;
  if (window.failures < most || now >= end) return std::nullopt;
  return std::chrono::ceil<std::chrono::seconds>(end - now);
}

void Throttle::Count(Window& window, Time now) const {
  if (now >= window.began + limits_.window) window = {now, 0};
  ++window.failures;
}

std::optional<std::chrono::seconds> Throttle::ShutOut(const std::string& source) {
  const Time now = now_();
  const std::lock_guard lock{mutex_};
  if (const auto found = sources_.find(source); found != sources_.end()) {
    if (const auto left = LeftOf(found->second, limits_.per_source, now)) return left;
  }
  const auto known = known_.find(source);
  if (known != known_.end() && now < known->second + limits_.remembered) return std::nullopt;
  return LeftOf(all_, limits_.in_all, now);
}

void Throttle::NoteFailure(const std::string& source) {
  const Time now = now_();
  const std::lock_guard lock{mutex_};
  if (!sources_.contains(source)) MakeRoom(now);
  Count(sources_[source], now);
  Count(all_, now);
}

void Throttle::NoteSuccess(const std::string& source) {
  const Time now = now_();
  const std::lock_guard lock{mutex_};
  if (known_.size() >= limits_.most_sources) known_.clear();
  known_[source] = now;
}

void Throttle::MakeRoom(Time now) {
  if (sources_.size() < limits_.most_sources) return;
  std::erase_if(sources_, [&](const auto& entry) { return now >= entry.second.began + limits_.window; });
  // Too many addresses within one window: the total limit has blocked them long before.
  if (sources_.size() >= limits_.most_sources) sources_.clear();
}

}  // namespace membridge::admin::api
