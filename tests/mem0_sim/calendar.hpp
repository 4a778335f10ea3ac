#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/time.hpp"

namespace membridge::mem0_sim {

/// The simulated present: the machine's clock plus what tests have added, never the same moment twice, so that every change has a
/// time of its own.
class SimClock {
 public:
  Instant Now();
  /// The present without consuming a moment.
  Instant Peek() const;
  Day Today() const { return std::chrono::floor<std::chrono::days>(Peek()); }
  void Advance(std::chrono::seconds by) { ahead_ += by; }

 private:
  std::chrono::microseconds ahead_{0};
  Instant last_{};
};

enum class Zone { kPacific, kUtc };

/// As Mem0 prints a time: with the offset of the zone, without a fraction when that is zero. Pacific is -08:00 from November to
/// March and -07:00 from April to October, which is near enough to show that offsets vary.
std::string FormatAsMem0(Instant instant, Zone zone);

/// A time as filters take it: RFC 3339, a time without offset (UTC), or a date (its first moment).
std::optional<Instant> ParseFilterTime(std::string_view text);

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::string FormatHttpDate(std::chrono::sys_seconds time);

}  // namespace membridge::mem0_sim
