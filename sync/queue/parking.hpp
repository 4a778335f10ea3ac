#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// Why a memory cannot be applied. `cause` may quote row values: for the database and the operator, not for a log.
struct Parking {
  std::string mapping;
  ErrorCode code;
  std::string cause;
  std::string hint;
  std::string place;  ///< file:line of the mapping row
  std::string sqlstate;
  std::vector<std::string> depends_on{};  ///< tables whose rows would have to change, `schema.name`; empty: not known
  bool retried = true;                    ///< false: not tried again from here, because another part does so, as with exports
  bool counts = true;                     ///< false: not an attempt of its own, because the read was not final and is repeated
};

/// Parks and unparks memories for the workers, inside the caller's transaction. Functions throw postgres::SqlFailure; times are
/// by the database's clock.
class Parked {
 public:
  /// The transaction outlives it.
  explicit Parked(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Parks a memory for a mapping and counts the attempt; Unpark() takes it out once it was applied. A parked memory becomes due
  /// again after one minute, then two, four, up to a day. When it depends on rows of known tables, the first retry comes after
  /// two seconds instead.
  void Park(const Claim& claim, const Parking& parking);
  void Unpark(const std::vector<Claim>& claims, const std::vector<std::string>& mappings);

  /// Marks up to `limit` due parked memories dirty and returns how many. They are not due again until they are parked again.
  std::size_t Retry(std::size_t limit);
  /// Call after rows of these tables (`schema.name`) changed: makes the memories that depend on them due now. Returns how many.
  std::size_t Hasten(const std::vector<std::string>& relations);
  /// Call when the project's mappings or their tables changed to `edition`: makes what was parked before due now. Returns how
  /// many.
  std::size_t HastenOf(const ProjectId& project, const std::string& edition);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
