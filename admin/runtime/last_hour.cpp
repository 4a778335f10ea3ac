#include "admin/runtime/last_hour.hpp"

#include <utility>

namespace membridge::admin {

FateCounts FatesIn(const sync::WorkerCounters& counters) {
  return {counters.applied.load(), counters.unchanged.load(), counters.withdrawn.load(), counters.parked.load(),
          counters.retried.load()};
}

void Recent::Take(RecentLook look) {
  const std::lock_guard lock{mutex_};
  looks_.push_back(std::move(look));
  if (looks_.size() > kKept) looks_.pop_front();
}

std::vector<RecentLook> Recent::Kept() const {
  const std::lock_guard lock{mutex_};
  return {looks_.begin(), looks_.end()};
}

sync::LagCounts Recent::LagsBefore(std::chrono::seconds ago) const {
  const auto steps = static_cast<std::size_t>(ago / kStep);
  const std::lock_guard lock{mutex_};
  if (steps < looks_.size()) return looks_[looks_.size() - 1 - steps].lags;
  return looks_.size() < kKept ? sync::LagCounts{} : looks_.front().lags;
}

}  // namespace membridge::admin
