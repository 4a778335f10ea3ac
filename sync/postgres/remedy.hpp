#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// What is to be done about a unit of work that failed. A unit is one memory, export or event.
enum class Remedy {
  kPark,          ///< it cannot work as things stand: put aside, with the database's own words
  kLookAtTables,  ///< the tables may have changed: read the catalogue again and try once more, then park
  kPutBack,       ///< somebody else is in the way: try again soon, count it as blocked
  kReconnect,     ///< only the session is lost: connect again and try once more
  kProbe,         ///< the unit, or the database, is at fault: a probe tells; a unit that does it twice alone is parked
  kStandStill,    ///< the database is away, read-only or full: everybody stops and backs off, nothing is parked
};
std::string_view NameOf(Remedy remedy);

/// The one place that decides what becomes of a failure, by SQLSTATE. It knows every class; what it does not know is parked.
Remedy RemedyFor(const SqlFailure& failure);
/// The same for any exception: memory that ran out is probed, everything that is not SqlFailure is parked.
Remedy RemedyFor(const std::exception& failure);

/// What may stand in a log about it: the SQLSTATE and names of the schema, or the exception's type.
std::string SafeWordsOf(const std::exception& failure);

}  // namespace membridge::sync::postgres
