#include "sync/postgres/timeouts.hpp"

#include <mutex>

namespace membridge::sync::postgres {
namespace {

struct SharedTimeouts {
  std::mutex mutex;
  Timeouts timeouts;  // guarded by mutex
};

SharedTimeouts& Shared() {
  static SharedTimeouts shared;
  return shared;
}

}  // namespace

void UseTimeouts(const Timeouts& timeouts) {
  const std::lock_guard lock{Shared().mutex};
  Shared().timeouts = timeouts;
}

Timeouts TimeoutsInUse() {
  const std::lock_guard lock{Shared().mutex};
  return Shared().timeouts;
}

}  // namespace membridge::sync::postgres
