#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/schedule/time_zone.hpp"

namespace membridge::sync {

/// A recurring time: the five fields of crontab (minute, hour, day of month, month, day of week).
///
/// A field is `*`, a value, a range `a-b`, any of these with a step `/n`, or a list of them by commas. Months and days may be
/// written as `jan` … `dec` and `sun` … `sat`; Sunday is 0 and 7. `@yearly @annually @monthly @weekly @daily @midnight @hourly`
/// stand for their usual fields. When day of month and day of week are both restricted (neither begins with `*`), a day needs to
/// match only one of them.
///
/// Local time has gaps and repetitions. A skipped time happens once, at the first moment after the gap. A time that comes twice
/// counts only the first time. But a schedule for every hour (`*` as the hour) runs in each hour that passes, since it means a
/// distance and not a time of day. Immutable; used by any number of threads.
class Cron {
 public:
  /// kRefused names field, column (from 1) and what to write instead.
  static Result<Cron> Parse(std::string_view text);

  /// Returns the first moment later than `after`, to the full minute. Nothing when there is none within forty years; Parse()
  /// refuses schedules that can never happen.
  std::optional<Instant> Next(Instant after, const TimeZone& zone) const;
  /// Returns the last moment later than `after` and not later than `until`; nothing when there is none. Among missed moments this
  /// is the one to make up for.
  std::optional<Instant> Last(Instant after, Instant until, const TimeZone& zone) const;

 private:
  struct Reader;
  bool OnDay(Day local) const;

  std::uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // a bit per value
  bool any_day_ = true;
  bool any_weekday_ = true;
  bool every_hour_ = false;
};

}  // namespace membridge::sync
