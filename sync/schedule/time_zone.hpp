#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync {

/// A time zone, read from the operating system's time zone files. A small value; any number of threads may use it.
class TimeZone {
 public:
  /// `Europe/Berlin`, `UTC`, …; kRefused for a name the system does not know.
  static Result<TimeZone> Named(const std::string& name);

  /// Returns the wall clock at an instant, as if it were UTC.
  Instant Local(Instant instant) const;

  /// The moments, in UTC, at which the wall clock shows a time.
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
