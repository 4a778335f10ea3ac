#include "tests/mem0_sim/calendar.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>

namespace membridge::mem0_sim {

Instant SimClock::Peek() const {
  return SystemClock{}.Now() + ahead_;
}

Instant SimClock::Now() {
  last_ = std::max(last_ + std::chrono::microseconds{1}, Peek());
  return last_;
}

std::string FormatAsMem0(Instant instant, Zone zone) {
  std::chrono::hours offset{0};
  if (zone == Zone::kPacific) {
    const std::chrono::year_month_day date{std::chrono::floor<std::chrono::days>(instant)};
    const bool summer = date.month() >= std::chrono::April && date.month() <= std::chrono::October;
    offset = std::chrono::hours{summer ? -7 : -8};
  }
  const Instant local = instant + offset;
  const Day day = std::chrono::floor<std::chrono::days>(local);
  const std::chrono::hh_mm_ss time{local - Instant{day}};
  std::string text =
      fmt::format("{}T{:02}:{:02}:{:02}", FormatDay(day), time.hours().count(), time.minutes().count(), time.seconds().count());
  if (time.subseconds().count() != 0) text += fmt::format(".{:06}", time.subseconds().count());
  return text + (zone == Zone::kUtc ? std::string{"Z"} : fmt::format("-{:02}:00", -offset.count()));
}

std::optional<Instant> ParseFilterTime(std::string_view text) {
  if (const auto day = ParseDay(text)) return Instant{*day};
  return ParseRfc3339(text);
}

std::string FormatHttpDate(std::chrono::sys_seconds time) {
  return fmt::format("{:%a, %d %b %Y %H:%M:%S} GMT", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

}  // namespace membridge::mem0_sim
