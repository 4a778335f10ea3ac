#include "admin/runtime/last_hour.hpp"

#include <utility>

namespace membridge::admin {

void Recent::Take(RecentLook look) {
  const std::lock_guard lock{mutex_};
  looks_.push_back(std::move(look));
  if (looks_.size() > kKept) looks_.pop_front();
}

std::vector<RecentLook> Recent::Kept() const {
  const std::lock_guard lock{mutex_};
  return {looks_.begin(), looks_.end()};
}

}  // namespace membridge::admin
