#pragma once

#include <chrono>
#include <stop_token>

namespace membridge {

/// Waits, at most until a stop is requested. True when the time is over.
bool Pause(const std::stop_token& stop, std::chrono::milliseconds time);

/// How long to wait after a failure: a random time between half of it and all of it, where it is `shortest`, doubled `doublings`
/// times, and at most `longest`. Thread-safe.
std::chrono::milliseconds JitteredWait(std::chrono::milliseconds shortest, std::chrono::milliseconds longest, int doublings);

}  // namespace membridge
