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
  std::vector<std::string> depends_on{};  ///< tables whose rows would have to change, `schema.name`; empty: nobody knows
  bool retried = true;                    ///< false: something else sees to it that it is tried again, as with exports
  bool counts = true;  ///< false: the read was not final, and the memory is looked at once more: no attempt of its own
};

/// The parked memories as those who work on memories use them, inside the caller's transaction. Functions throw
/// postgres::SqlFailure; times are the database's clock.
class Parked {
 public:
  /// The transaction outlives it.
  explicit Parked(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Parks a memory for a mapping (attempts count up), or takes it out again once it was applied. It is tried again by itself
  /// after a minute, then after two, up to a day; where it depends on rows the bridge may just have made, once in between.
  void Park(const Claim& claim, const Parking& parking);
  void Unpark(const std::vector<Claim>& claims, const std::vector<std::string>& mappings);

  /// Marks up to `limit` parked memories dirty whose time to be tried again has come. Returns how many. What nothing else tries
  /// again meanwhile is not due any more until it is parked again.
  std::size_t Retry(std::size_t limit);
  /// Rows of these tables (`schema.name`) changed: what depends on them is due now. Returns how many.
  std::size_t Hasten(const std::vector<std::string>& relations);
  /// The project's mappings or their tables are of another edition now: what was parked before is due now.
  std::size_t HastenOf(const ProjectId& project, const std::string& edition);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
