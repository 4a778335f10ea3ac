#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/time.hpp"

namespace membridge::mappings {

/// Whether the IANA database has a time zone of that name, such as `Europe/Berlin` or `UTC`. All functions here are thread-safe.
bool IsTimeZone(const std::string& zone);
/// Returns the names of all zones, for suggestions.
std::vector<std::string> TimeZoneNames();

/// Returns the zone's local time at that moment, without an offset: `2026-03-01T10:12:44.018000`.
std::string LocalTime(Instant instant, const std::string& zone);
/// Returns the moment of a local time of the zone. A local time that the zone skips or repeats is read with the earlier offset.
Instant InstantOfLocal(Instant shown, const std::string& zone);

/// Converts a time with an offset to the zone's local time. Returns nothing for any other text, including a time without an
/// offset.
std::optional<std::string> ToLocalTime(std::string_view text, const std::string& zone);
/// Reads a time or day without an offset as local time of the zone and converts it to UTC. Returns nothing for any other text.
std::optional<std::string> ToInstantText(std::string_view text, const std::string& zone);

}  // namespace membridge::mappings
