#pragma once

#include <chrono>
#include <stop_token>

namespace membridge {

/// Waits for `time`, or until a stop is requested. Returns true when the time is over, false after a stop request.
bool Pause(const std::stop_token& stop, std::chrono::milliseconds time);

/// Returns how long to wait after a failure: a random time between half of the full wait and the full wait. The full wait is
/// `shortest`, doubled `doublings` times, and at most `longest`. Thread-safe.
std::chrono::milliseconds JitteredWait(std::chrono::milliseconds shortest, std::chrono::milliseconds longest, int doublings);

}  // namespace membridge
