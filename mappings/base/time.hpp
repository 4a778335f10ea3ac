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

/// Reads an RFC 3339 time with any offset (`Z`, `-07:00`, `+0530`) and zero to nine digits of fraction (cut to microseconds); a
/// space may stand for the `T`, and a time without offset is UTC, as Mem0's filters read it. Anything else is nothing.
std::optional<Instant> ParseRfc3339(std::string_view text);
/// `2026-03-01T09:12:44.018000Z`: always UTC, always six digits.
std::string FormatRfc3339(Instant instant);

/// Reads `YYYY-MM-DD`, refusing days that do not exist.
std::optional<Day> ParseDay(std::string_view text);
/// `2026-03-01`
std::string FormatDay(Day day);

/// Where the present comes from. `main` makes the real one; tests move theirs by hand. Thread-safe.
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
