#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::mappings {

/// Whether there is a time zone of that name, as in `Europe/Berlin` or `UTC`. Names are those of the IANA database.
bool IsTimeZone(const std::string& zone);
/// All names, for suggestions.
std::vector<std::string> TimeZoneNames();

/// `2026-03-01T10:12:44.018000`: what clocks of the zone show at that moment, without an offset.
std::string LocalTime(Instant instant, const std::string& zone);
/// The moment at which clocks of the zone show that time. A time that the zone skips or repeats is read by its earlier offset.
Instant InstantOfLocal(Instant shown, const std::string& zone);

/// A time with an offset as local time of the zone; nothing for any other text, also for a time without an offset.
std::optional<std::string> ToLocalTime(std::string_view text, const std::string& zone);
/// A time or day without an offset, read in the zone, as a time in UTC; nothing for any other text.
std::optional<std::string> ToInstantText(std::string_view text, const std::string& zone);

}  // namespace membridge::mappings
