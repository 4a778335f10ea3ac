#pragma once

#include <chrono>
#include <stop_token>

namespace membridge {

/// Waits, at most until a stop is requested. True when the time is over.
bool Pause(const std::stop_token& stop, std::chrono::milliseconds time);

}  // namespace membridge
