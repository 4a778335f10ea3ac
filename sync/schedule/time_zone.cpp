#include "sync/schedule/time_zone.hpp"

#include <date/tz.h>

#include <stdexcept>
#include <vector>

#include "mappings/base/diagnostic.hpp"

namespace membridge::sync {
namespace {

const date::time_zone& Zone(const void* zone) {
  return *static_cast<const date::time_zone*>(zone);
}

std::vector<std::string> KnownZones() {
  std::vector<std::string> names;
  try {
    for (const date::time_zone& zone : date::get_tzdb().zones) names.push_back(zone.name());
  } catch (const std::exception&) {
    // No zone files at all: then there is nothing to suggest.
  }
  return names;
}

}  // namespace

Result<TimeZone> TimeZone::Named(const std::string& name) {
  // The system's folder of zones is searched by file name, so a name must not lead out of it.
  const bool sound = !name.empty() && name.front() != '/' && name.find("..") == std::string::npos;
  try {
    if (sound) return TimeZone{date::locate_zone(name)};
  } catch (const std::exception&) {
    // Reported below like any other name that is not known.
  }
  return Fail(ErrorCode::kRefused, "unknown time zone \"" + name + "\"" + mappings::DidYouMean(name, KnownZones()),
              "write a name like Europe/Berlin or UTC; the package tzdata holds them");
}

Instant TimeZone::Local(Instant instant) const {
  return Instant{Zone(zone_).to_local(instant).time_since_epoch()};
}

TimeZone::Moments TimeZone::At(Instant local) const {
  const date::local_time<Instant::duration> time{local.time_since_epoch()};
  const date::local_info info = Zone(zone_).get_info(time);
  if (info.result == date::local_info::nonexistent) return {info.first.end, info.first.end};
  const Instant first{local - info.first.offset};
  if (info.result == date::local_info::unique) return {first, first};
  return {first, Instant{local - info.second.offset}};
}

}  // namespace membridge::sync
