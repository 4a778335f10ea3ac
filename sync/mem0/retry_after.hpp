#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "mappings/base/time.hpp"

namespace membridge::sync::mem0 {

/// No server makes us wait longer than this, whatever it says: a day written by mistake must not stop the bridge for a day.
inline constexpr std::chrono::milliseconds kLongestRetryAfter = std::chrono::minutes{15};

/// How long a Retry-After header asks us to wait: seconds (fractions rounded up to whole ones) or an HTTP date in any of its
/// three forms, which is compared with `now` (the answer's own Date where it has one, so that our clock need not be right). A
/// date that has passed is zero, anything longer than kLongestRetryAfter is cut to it, anything else is nothing.
std::optional<std::chrono::milliseconds> ParseRetryAfter(std::string_view header, Instant now);

/// An HTTP date, as in `Sun, 06 Nov 1994 08:49:37 GMT`, and its two older forms.
std::optional<Instant> ParseHttpDate(std::string_view text);

/// Django REST Framework's own way to say it, in the body: "Request was throttled. Expected available in 12 seconds."
std::optional<std::chrono::milliseconds> RetryAfterInWords(std::string_view text);

}  // namespace membridge::sync::mem0
