#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "mappings/base/time.hpp"

namespace membridge::sync::mem0 {

/// The longest wait that a server can cause. A day written by mistake must not stop the bridge for a day.
inline constexpr std::chrono::milliseconds kLongestRetryAfter = std::chrono::minutes{15};

/// Returns how long a Retry-After header asks us to wait. It holds seconds (fractions are rounded up) or an HTTP date in any of
/// its three forms, which is compared with `now`: pass the answer's own Date where it has one, so that our clock need not be
/// right. A past date gives zero, a longer time `longest`, unreadable text nothing.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view header, Instant now,
                                                         std::chrono::milliseconds longest = kLongestRetryAfter);

/// Reads an HTTP date, as in `Sun, 06 Nov 1994 08:49:37 GMT`, or one of its two older forms.
std::optional<Instant> ParseHttpDate(std::string_view text);

/// Reads the time from Django REST Framework's text in the body: "Request was throttled. Expected available in 12 seconds."
std::optional<std::chrono::milliseconds> RetryAfterInWords(std::string_view text);

}  // namespace membridge::sync::mem0
