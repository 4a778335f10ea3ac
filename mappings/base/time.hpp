#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace membridge {

/// A moment in UTC, in microseconds: exactly what a timestamptz holds.
using Instant = std::chrono::sys_time<std::chrono::microseconds>;
/// A calendar day in UTC.
using Day = std::chrono::sys_days;

/// Reads an RFC 3339 time with any offset (`Z`, `-07:00`, `+0530`) and zero to nine digits of fraction (cut to microseconds). A
/// space may stand in place of the `T`. A time without an offset is UTC, as in Mem0's filters. Returns nothing for any other
/// text.
std::optional<Instant> ParseRfc3339(std::string_view text);
/// Returns a text such as `2026-03-01T09:12:44.018000Z`: always UTC, always six digits of fraction.
std::string FormatRfc3339(Instant instant);

/// Reads `YYYY-MM-DD`. Returns nothing for any other text and for days that do not exist.
std::optional<Day> ParseDay(std::string_view text);
/// Returns a text such as `2026-03-01`.
std::string FormatDay(Day day);

/// Tells the current time. Production code gets a SystemClock; tests use a clock that they move by hand. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Instant Now() const = 0;
};

/// The machine's clock.
class SystemClock final : public Clock {
 public:
  Instant Now() const override;
};

}  // namespace membridge
