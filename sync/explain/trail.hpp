#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// One step of a delivery on its way to rows.
struct TrailStep {
  enum class Kind {
    kReceived,   ///< stored
    kReading,    ///< a worker holds the memory
    kApplied,    ///< the rows say what the memory says
    kWithdrawn,  ///< the memory is gone at Mem0; what it said was withdrawn
    kUnknown,    ///< settled and not kept: Mem0 has no such memory, or it belongs to an erased person
    kParked,     ///< cannot be applied as things are
    kBlocked,    ///< another session's lock is in the way
    kRetried,    ///< an attempt failed, and another will be made
  };
  Kind kind;
  Instant at;  ///< by the database's clock
  std::string delivery, project, verdict;
  std::string memory;                            ///< empty: the delivery names none
  std::optional<std::chrono::microseconds> lag;  ///< since the delivery was received; only of the last step
  bool waits = false;                            ///< applied, and a row that it needs is not there yet
  std::string note;                              ///< why, without values
  std::string cause;                             ///< of a parked memory: the database's message, which may quote values
  struct Row {
    std::string target, table, mapping;
    nlohmann::json identity;  ///< may be personal
    nlohmann::json cells;     ///< what the memory says in it, by cell
  };
  std::vector<Row> rows{};
};

std::string_view NameOf(TrailStep::Kind kind);

/// Selects the deliveries to follow. A field that is not set selects all. A delivery does not name its user, so with `user` its
/// steps are told only once the memory was read.
struct TrailFilter {
  std::optional<std::string> project{}, user{};
};

/// Follows deliveries until they are rows, for a person who watches. Only reads, and takes no locks. For one thread. Functions
/// throw postgres::SqlFailure.
class Trail {
 public:
  /// A target's ledger; `session` is nullptr where it is the state database.
  struct Ledger {
    std::string name;
    postgres::Session* session;
  };
  /// Follows deliveries that are received from now on. Everything referred to outlives it.
  Trail(postgres::Session& state, std::vector<Ledger> ledgers, TrailFilter filter);

  /// Returns what happened since the last look, in order of time per memory.
  std::vector<TrailStep> Look();
  /// How many memories have deliveries that are not rows yet.
  std::size_t UnderWay() const { return pending_.size(); }

 private:
  /// A delivery that is followed and not settled yet.
  struct Pending {
    TrailStep received;
    std::string transaction;  ///< that stored the delivery; empty: before there was a fold
    bool told = false;        ///< the delivery itself
    bool reading = false, blocked = false;
    std::int64_t attempts = 0;
    std::optional<std::string> read_before;  ///< when the memory had been read last
  };
  using Key = std::pair<std::string, std::string>;  ///< project and memory

  void TakeDeliveries(std::vector<TrailStep>& steps);
  void TakeOutcomes(std::vector<TrailStep>& steps);
  std::optional<TrailStep> StepOf(const postgres::Rows& rows, std::size_t row, Pending& pending);
  void AddRows(std::vector<TrailStep>& steps);

  postgres::Session& state_;
  std::vector<Ledger> ledgers_;
  TrailFilter filter_;
  std::string since_;                        ///< as the database prints it
  std::map<std::string, std::string> seen_;  ///< ids of deliveries, with when they were received
  std::map<Key, Pending> pending_;
};

}  // namespace membridge::sync
