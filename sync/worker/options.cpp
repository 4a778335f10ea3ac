#include "sync/worker/options.hpp"

#include <algorithm>

#include "mappings/base/pause.hpp"

namespace membridge::sync {

std::chrono::milliseconds WorkerOptions::RetryIn(int attempts) const {
  return JitteredWait(retry_base, retry_cap, attempts);
}

std::chrono::milliseconds WorkerOptions::BlockedFor(int attempts) const {
  return JitteredWait(blocked_base, std::min(blocked_cap, retry_cap), attempts);
}

}  // namespace membridge::sync
