#include "mappings/base/pause.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <random>

namespace membridge {

bool Pause(const std::stop_token& stop, std::chrono::milliseconds time) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock{mutex};
  stopped.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

std::chrono::milliseconds JitteredWait(std::chrono::milliseconds shortest, std::chrono::milliseconds longest, int doublings) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  const double ceiling = std::min(static_cast<double>(longest.count()),
                                  static_cast<double>(shortest.count()) * static_cast<double>(1LL << std::min(doublings, 20)));
  return std::chrono::milliseconds{static_cast<std::int64_t>(std::uniform_real_distribution{ceiling / 2, ceiling}(random))};
}

}  // namespace membridge
