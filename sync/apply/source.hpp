#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"

namespace membridge::sync {

/// One memory, export or event, as the bridge last read it. Mappings are evaluated on it.
struct Source {
  ProjectId project;
  std::string id;          ///< the memory's id; an export's entity; an event's id
  std::string memory{};    ///< of an event: the memory it is about
  Instant stamp;           ///< a claim's age: `updated_at` of a memory, completion of an export
  std::int64_t fence = 0;  ///< of the claim under which it was read
  bool speaks = true;      ///< false: deleted, expired or superseded, so that everything it said is withdrawn
  bool gone = false;       ///< deleted at Mem0: leaves a tombstone
  /// What expressions may name besides `now`, `vars` and rows: {"memory": {…}}, {"export": {…}} or {"event": {…}, "memory": {…}}.
  nlohmann::json names = nlohmann::json::object();
};

/// One thing that applying a source did, or decided not to do. Values are as the column prints them.
struct Decision {
  enum class Kind { kCreated, kDeleted, kFound, kSkipped, kWaits, kWritten, kRestored, kKept, kUnchanged };
  Kind kind;
  std::string row;  ///< the row's name in the mapping
  std::string table;
  nlohmann::json identity;  ///< primary key; null when there is no row
  std::string cell;         ///< empty when the decision is about the whole row
  nlohmann::json before;
  nlohmann::json after;
  std::string note;  ///< why, in a few words, without values
  int line = 0;      ///< in the mapping file
};

/// A target row that applying a source changed.
struct Touched {
  std::string table;        ///< `schema.name`
  nlohmann::json identity;  ///< primary key, as text
  nlohmann::json deleted;   ///< the old row, when it was deleted; else null
};

/// One of several rows that match a key, so that it is not known which is meant.
struct Candidate {
  std::string row;  ///< its name in the mapping
  std::string relation;
  nlohmann::json identity;  ///< primary key, as text
};

/// SQLSTATE of a source that is parked because several rows match where one is meant: PostgreSQL's cardinality_violation.
inline constexpr const char* kAmbiguous = "21000";

/// The result of applying one source under one mapping.
struct Outcome {
  enum class Kind {
    kApplied,  ///< the tables say what the source says
    kLate,     ///< a later claim was applied before: nothing was changed
    kParked,   ///< refused: nothing was changed for it
  };
  Kind kind = Kind::kApplied;
  bool wrote = false;  ///< whether any target row changed
  bool waits = false;  ///< a row that it needs is missing: membridge.waiting says that it must be applied again when the bridge
                       ///< makes the row
  std::set<std::string> written{};  ///< tables whose rows changed, `schema.name`
  /// Memories (project, id) whose older claims on a row became the newest and could not be written. These claims were withdrawn;
  /// apply the memories anew, and they are then parked for it.
  std::vector<std::pair<ProjectId, MemoryId>> passed_over{};
  bool wakes = false;  ///< it made a row under a key that other memories missed: see Waits::Match()
  // When parked. `cause` may quote row values: for the operator's eyes, never for a log.
  ErrorCode code = ErrorCode::kRowRejected;
  std::string cause;
  std::string hint;
  std::string place;                    ///< `contacts.yaml:12`: the mapping's row
  std::string sqlstate;                 ///< empty when the refusal is the bridge's own, but for kAmbiguous
  std::vector<Candidate> candidates{};  ///< with kAmbiguous: the rows
  /// Tables whose rows must change before it can be applied, `schema.name`, where PostgreSQL tells; empty: not known.
  std::vector<std::string> depends_on;
  std::vector<Decision> decisions;  ///< when they were asked for
  std::vector<Touched> touched;     ///< when decisions were asked for; a row may occur more than once
};

}  // namespace membridge::sync
