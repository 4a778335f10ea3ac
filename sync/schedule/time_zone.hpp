#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync {

/// A place's clock, from the time zone files of the operating system. A small value; used by any number of threads.
class TimeZone {
 public:
  /// `Europe/Berlin`, `UTC`, …; kRefused for a name the system does not know.
  static Result<TimeZone> Named(const std::string& name);

  /// The wall clock at an instant, as if it were UTC.
  Instant Local(Instant instant) const;

  /// What a wall-clock time is in UTC.
  struct Moments {
    Instant first;   ///< of a skipped time: the first moment after the gap
    Instant second;  ///< later than `first` only when the clock shows this time twice
  };
  Moments At(Instant local) const;

 private:
  explicit TimeZone(const void* zone) : zone_(zone) {}
  const void* zone_;  // lives as long as the program
};

}  // namespace membridge::sync
