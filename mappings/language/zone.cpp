#include "mappings/language/zone.hpp"

#include <unicode/strenum.h>
#include <unicode/timezone.h>

#include <map>
#include <memory>
#include <mutex>

#include "mappings/base/utf8.hpp"

namespace membridge::mappings {
namespace {

/// Returns the zone of that name, or ICU's unknown zone, which behaves as UTC. Each zone is made once and then only read, so it
/// can be used from any thread.
const icu::TimeZone& ZoneNamed(const std::string& name) {
  static std::mutex mutex;
  static std::map<std::string, std::unique_ptr<icu::TimeZone>> zones;  // guarded by mutex
  const std::lock_guard lock{mutex};
  auto& zone = zones[name];
  if (!zone) zone.reset(icu::TimeZone::createTimeZone(icu::UnicodeString::fromUTF8(name)));
  return *zone;
}

std::chrono::milliseconds OffsetAt(Instant instant, const std::string& zone, bool local) {
  const auto since = std::chrono::floor<std::chrono::milliseconds>(instant.time_since_epoch());
  std::int32_t raw = 0;
  std::int32_t saving = 0;
  UErrorCode error = U_ZERO_ERROR;
  ZoneNamed(zone).getOffset(static_cast<UDate>(since.count()), local ? 1 : 0, raw, saving, error);
  return std::chrono::milliseconds{raw + saving};
}

/// Whether the time has an offset (`Z`, `+02:00`, `-0500`) behind its hours.
bool HasOffset(std::string_view time) {
  constexpr std::size_t kDate = 10;
  return time.size() > kDate && time.substr(kDate).find_first_of("Zz+-") != std::string_view::npos;
}

}  // namespace

bool IsTimeZone(const std::string& zone) {
  if (zone.empty()) return false;
  icu::UnicodeString name;
  ZoneNamed(zone).getID(name);
  std::string known;
  name.toUTF8String(known);
  return known == zone && known != "Etc/Unknown";
}

std::vector<std::string> TimeZoneNames() {
  std::vector<std::string> names;
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<icu::StringEnumeration> all{
      icu::TimeZone::createTimeZoneIDEnumeration(UCAL_ZONE_TYPE_ANY, nullptr, nullptr, error)};
  while (all && U_SUCCESS(error)) {
    const char* name = all->next(nullptr, error);
    if (name == nullptr) break;
    names.emplace_back(name);
  }
  return names;
}

std::string LocalTime(Instant instant, const std::string& zone) {
  std::string shown = FormatRfc3339(instant + OffsetAt(instant, zone, false));
  shown.pop_back();  // the Z
  return shown;
}

Instant InstantOfLocal(Instant shown, const std::string& zone) {
  return shown - OffsetAt(shown, zone, true);
}

std::optional<std::string> ToLocalTime(std::string_view text, const std::string& zone) {
  const std::string_view time = Trimmed(text);
  const auto instant = HasOffset(time) ? ParseRfc3339(time) : std::nullopt;
  return instant ? std::optional{LocalTime(*instant, zone)} : std::nullopt;
}

std::optional<std::string> ToInstantText(std::string_view text, const std::string& zone) {
  const std::string_view time = Trimmed(text);
  std::optional<Instant> shown;
  if (const auto day = ParseDay(time))
    shown = *day;
  else if (!HasOffset(time))
    shown = ParseRfc3339(time);
  return shown ? std::optional{FormatRfc3339(InstantOfLocal(*shown, zone))} : std::nullopt;
}

}  // namespace membridge::mappings
