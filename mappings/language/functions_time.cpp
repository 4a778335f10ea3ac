#include <charconv>
#include <cmath>

#include "mappings/base/time.hpp"
#include "mappings/base/utf8.hpp"
#include "mappings/language/functions.hpp"
#include "mappings/language/zone.hpp"

// Functions that read and write times.
namespace membridge::mappings::function {
namespace {

using nlohmann::json;

// The limits are the years 1 to 9999, because RFC 3339 writes a year with four digits.
constexpr std::int64_t kEarliestSecond = -62'135'596'800;
constexpr std::int64_t kLatestSecond = 253'402'300'799;

/// Reads an RFC 3339 time, or a day, which means its beginning in UTC.
std::optional<Instant> InstantIn(std::string_view text) {
  const std::string_view trimmed = Trimmed(text);
  if (const auto day = ParseDay(trimmed)) return Instant{*day};
  return ParseRfc3339(trimmed);
}

/// Reads a number of seconds or milliseconds since 1970. Whole numbers are not converted to doubles, which would lose digits.
std::optional<Instant> InstantOfNumber(std::string_view digits, bool milliseconds) {
  const std::int64_t scale = milliseconds ? 1'000 : 1'000'000;
  const char* end = digits.data() + digits.size();
  std::int64_t whole = 0;
  if (const auto read = std::from_chars(digits.data(), end, whole); read.ec == std::errc{} && read.ptr == end) {
    const std::int64_t seconds = milliseconds ? whole / 1'000 : whole;
    if (seconds < kEarliestSecond || seconds > kLatestSecond) return std::nullopt;
    return Instant{std::chrono::microseconds{whole * scale}};
  }
  double real = 0;
  if (const auto read = std::from_chars(digits.data(), end, real); read.ec != std::errc{} || read.ptr != end) return std::nullopt;
  const double seconds = milliseconds ? real / 1e3 : real;
  if (!(seconds >= static_cast<double>(kEarliestSecond) && seconds <= static_cast<double>(kLatestSecond))) return std::nullopt;
  return Instant{std::chrono::microseconds{std::llround(real * static_cast<double>(scale))}};
}

template <class Unit>
Value Since1970(const Value& value) {
  return OverText(value, [](const std::string& text) -> Value {
    const auto instant = InstantIn(text);
    if (!instant) return std::nullopt;
    return std::chrono::floor<Unit>(instant->time_since_epoch()).count();
  });
}

}  // namespace

Value Time(const Value& value, const Arguments& arguments) {
  const bool milliseconds = arguments.TextAt(0) == "ms";
  if (value->is_boolean()) return std::nullopt;
  return OverText(value, [&](const std::string& text) -> Value {
    const auto instant = InstantIn(text);
    if (instant) return FormatRfc3339(*instant);
    const auto counted = InstantOfNumber(Trimmed(text), milliseconds);
    if (!counted) return std::nullopt;
    return FormatRfc3339(*counted);
  });
}

// Converts a time to a zone's local time. A day becomes its midnight, whatever the zone.
Value At(const Value& value, const Arguments& arguments) {
  const std::string zone = arguments.TextAt(0).value_or("UTC");
  if (!IsTimeZone(zone)) return std::nullopt;
  return OverText(value, [&](const std::string& text) -> Value {
    const std::string_view trimmed = Trimmed(text);
    if (ParseDay(trimmed)) return std::string{trimmed} + "T00:00:00.000000";
    const auto instant = ParseRfc3339(trimmed);
    if (!instant) return std::nullopt;
    return LocalTime(*instant, zone);
  });
}

Value Epoch(const Value& value, const Arguments&) {
  return Since1970<std::chrono::seconds>(value);
}

Value EpochMs(const Value& value, const Arguments&) {
  return Since1970<std::chrono::milliseconds>(value);
}

}  // namespace membridge::mappings::function
