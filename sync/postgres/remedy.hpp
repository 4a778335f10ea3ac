#pragma once

#include <exception>
#include <string>
#include <string_view>

#include "sync/postgres/session.hpp"

namespace membridge::sync::postgres {

/// What to do about a failed unit of work. A unit is one memory, export or event.
enum class Remedy {
  kPark,          ///< the unit cannot succeed as things are: park it, with the database's own message
  kLookAtTables,  ///< the tables may have changed: read the catalogue again and try once more, then park
  kPutBack,       ///< another session is in the way: try again soon, count it as blocked
  kReconnect,     ///< only the session was lost: connect again and try once more
  kProbe,         ///< the unit or the database is at fault: probe; park a unit that fails so twice when alone
  kStandStill,    ///< the database is away, read-only or full: all workers stop and back off; park nothing
};
std::string_view NameOf(Remedy remedy);

/// Decides what to do about a failure, by SQLSTATE; no other code decides this. An unknown SQLSTATE parks the unit.
Remedy RemedyFor(const SqlFailure& failure);
/// The same for any exception: std::bad_alloc is probed, and any other exception but SqlFailure parks the unit.
Remedy RemedyFor(const std::exception& failure);

/// Describes the failure in words that are safe to log: the SQLSTATE and names of the schema, or the exception's type.
std::string SafeWordsOf(const std::exception& failure);

}  // namespace membridge::sync::postgres
