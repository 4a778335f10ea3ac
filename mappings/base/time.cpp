#include "mappings/base/time.hpp"

#include <fmt/format.h>

namespace membridge {
namespace {

/// Consumes exactly `digits` decimal digits from the front of `text`.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  int number = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    number = number * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return number;
}

bool TakeChar(std::string_view& text, std::string_view choices) {
  if (text.empty() || choices.find(text.front()) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<Day> TakeDay(std::string_view& text) {
  const auto year = TakeNumber(text, 4);
  if (!year || !TakeChar(text, "-")) return std::nullopt;
  const auto month = TakeNumber(text, 2);
  if (!month || !TakeChar(text, "-")) return std::nullopt;
  const auto day = TakeNumber(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year{*year}, std::chrono::month{static_cast<unsigned>(*month)},
                                         std::chrono::day{static_cast<unsigned>(*day)}};
  if (!date.ok()) return std::nullopt;
  return Day{date};
}

/// The fraction after the dot in microseconds; digits past the sixth are dropped.
std::optional<std::chrono::microseconds> TakeFraction(std::string_view& text) {
  if (!TakeChar(text, ".,")) return std::chrono::microseconds{0};
  int value = 0;
  std::size_t digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9' && digits < 9) {
    if (digits < 6) value = value * 10 + (text.front() - '0');
    text.remove_prefix(1);
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 6; ++digits) value *= 10;
  return std::chrono::microseconds{value};
}

std::optional<std::chrono::minutes> TakeOffset(std::string_view& text) {
  if (text.empty() || TakeChar(text, "Zz")) return std::chrono::minutes{0};
  const bool west = text.front() == '-';
  if (!TakeChar(text, "+-")) return std::nullopt;
  const auto hours = TakeNumber(text, 2);
  if (!hours) return std::nullopt;
  TakeChar(text, ":");
  const auto minutes = text.empty() ? std::optional<int>{0} : TakeNumber(text, 2);
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const std::chrono::minutes offset{*hours * 60 + *minutes};
  return west ? -offset : offset;
}

}  // namespace

std::optional<Instant> ParseRfc3339(std::string_view text) {
  const auto day = TakeDay(text);
  if (!day || !TakeChar(text, "Tt ")) return std::nullopt;
  const auto hour = TakeNumber(text, 2);
  if (!hour || !TakeChar(text, ":")) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || !TakeChar(text, ":")) return std::nullopt;
  const auto second = TakeNumber(text, 2);
  if (!second || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  const auto fraction = TakeFraction(text);
  if (!fraction) return std::nullopt;
  const auto offset = TakeOffset(text);
  if (!offset || !text.empty()) return std::nullopt;
  return Instant{*day} + std::chrono::hours{*hour} + std::chrono::minutes{*minute} + std::chrono::seconds{*second} + *fraction -
         *offset;
}

std::string FormatRfc3339(Instant instant) {
  const Day day = std::chrono::floor<std::chrono::days>(instant);
  const std::chrono::hh_mm_ss time{instant - Instant{day}};
  return fmt::format("{}T{:02}:{:02}:{:02}.{:06}Z", FormatDay(day), time.hours().count(), time.minutes().count(),
                     time.seconds().count(), time.subseconds().count());
}

std::optional<Day> ParseDay(std::string_view text) {
  const auto day = TakeDay(text);
  if (!text.empty()) return std::nullopt;
  return day;
}

std::string FormatDay(Day day) {
  const std::chrono::year_month_day date{day};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

Instant SystemClock::Now() const {
  return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
}

}  // namespace membridge
