#include "sync/postgres/remedy.hpp"

#include <algorithm>
#include <array>
#include <new>
#include <string_view>
#include <typeinfo>
#include <utility>

#include "sync/postgres/timeouts.hpp"

namespace membridge::sync::postgres {
namespace {

// The first entry that the SQLSTATE begins with decides, so a code stands before its class. What no entry names is parked:
// wrong values (22, 23, 44), statements that do not fit (42), what triggers raise (P0, 09, 27, 38, 39), limits (54) and the rest.
constexpr std::array<std::pair<std::string_view, Remedy>, 34> kRemedies{{
    {"57014", Remedy::kPutBack},       // cancelled; after its full time: see below
    {"57P03", Remedy::kStandStill},    // starting up or shutting down
    {"57P04", Remedy::kStandStill},    // the database was dropped
    {"57P05", Remedy::kReconnect},     // the session was idle for too long
    {"57", Remedy::kProbe},            // an administrator or a crash of another backend ended the session
    {"08001", Remedy::kStandStill},    // no connection could be made
    {"08004", Remedy::kStandStill},    // the server refused the connection
    {"08", Remedy::kProbe},            // the connection broke
    {"25006", Remedy::kStandStill},    // a standby, or a read-only database
    {"25P03", Remedy::kReconnect},     // the transaction was idle for too long
    {"25P04", Remedy::kReconnect},     // the transaction took too long
    {"28", Remedy::kStandStill},       // the role may not connect any more
    {"3D", Remedy::kStandStill},       // there is no such database
    {"53100", Remedy::kStandStill},    // the disk is full
    {"53300", Remedy::kStandStill},    // too many connections
    {"53000", Remedy::kStandStill},    // the server lacks resources
    {"53", Remedy::kProbe},            // memory, locks or temporary files ran out for this statement
    {"58", Remedy::kProbe},            // the server could not read or write a file
    {"40", Remedy::kPutBack},          // deadlock, serialization
    {"55P03", Remedy::kPutBack},       // another session holds a lock
    {"55006", Remedy::kPutBack},       // the object is in use
    {"42703", Remedy::kLookAtTables},  // no such column
    {"42P01", Remedy::kLookAtTables},  // no such table
    {"42704", Remedy::kLookAtTables},  // no such type
    {"42883", Remedy::kLookAtTables},  // no such function or operator
    {"42804", Remedy::kLookAtTables},  // another type than was expected
    {"42846", Remedy::kLookAtTables},  // a type that cannot be cast
    {"3F000", Remedy::kLookAtTables},  // no such schema
    {"22001", Remedy::kLookAtTables},  // too long for the column
    {"22003", Remedy::kLookAtTables},  // out of the column's range
    {"22P02", Remedy::kLookAtTables},  // not in the form of the column's type
    {"0A000", Remedy::kLookAtTables},  // a cached plan whose result changed
    {"MB002", Remedy::kStandStill},    // our own: the ledger is not the one that the state knows
    {"428C9", Remedy::kLookAtTables},  // the column became generated, or an identity
}};

bool RanItsFullTime(const SqlFailure::Fields& fields) {
  const auto statement = TimeoutsInUse().statement;
  return statement.count() > 0 && fields.after + fields.after / 50 >= statement;
}

}  // namespace

std::string_view NameOf(Remedy remedy) {
  switch (remedy) {
    case Remedy::kPark:
      return "park";
    case Remedy::kLookAtTables:
      return "look_at_tables";
    case Remedy::kPutBack:
      return "put_back";
    case Remedy::kReconnect:
      return "reconnect";
    case Remedy::kProbe:
      return "probe";
    case Remedy::kStandStill:
      return "stand_still";
  }
  return "park";
}

Remedy RemedyFor(const SqlFailure& failure) {
  const std::string_view state = failure.fields().sqlstate;
  const auto* const known =
      std::find_if(kRemedies.begin(), kRemedies.end(), [&](const auto& entry) { return state.starts_with(entry.first); });
  if (known == kRemedies.end()) return Remedy::kPark;
  // A statement that ran for its full time would do so again. One that was cancelled earlier was cancelled by a person.
  if (known->first == "57014" && RanItsFullTime(failure.fields())) return Remedy::kProbe;
  return known->second;
}

Remedy RemedyFor(const std::exception& failure) {
  if (const auto* sql = dynamic_cast<const SqlFailure*>(&failure)) return RemedyFor(*sql);
  return dynamic_cast<const std::bad_alloc*>(&failure) != nullptr ? Remedy::kProbe : Remedy::kPark;
}

std::string SafeWordsOf(const std::exception& failure) {
  const bool is_safe = dynamic_cast<const SqlFailure*>(&failure) != nullptr;
  return is_safe ? failure.what() : typeid(failure).name();
}

}  // namespace membridge::sync::postgres
