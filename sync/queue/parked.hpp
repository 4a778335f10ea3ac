#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/parking.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// Which parked memories are meant; what is not set does not matter.
struct ParkedFilter {
  std::optional<std::string> group = std::nullopt;  ///< ParkedGroup::group
  std::optional<ProjectId> project = std::nullopt;
  std::optional<MemoryId> memory = std::nullopt;
  std::optional<std::string> mapping = std::nullopt;
  std::optional<std::string> code = std::nullopt;                 ///< as NameOf(ErrorCode) spells it
  std::optional<std::chrono::seconds> older_than = std::nullopt;  ///< parked for the first time longer ago than this
};

/// Parked memories that share a cause: same project, mapping, place, code and SQLSTATE, and the same words once values, numbers
/// and ids are left out of them.
struct ParkedGroup {
  std::string group;  ///< 12 hex digits that stay the same as long as the cause does
  ProjectId project;
  std::string mapping;
  std::string code;
  std::string sqlstate;
  std::string place;
  std::string cause;  ///< without the values: safe to show to every role
  std::string hint;   ///< of one of them
  std::size_t memories = 0;
  MemoryId example;  ///< the one tried last
  Instant first_parked_at;
  Instant last_tried_at;
};

/// A parked memory. `parking.cause` may quote row values.
struct ParkedMemory {
  std::string group;
  ProjectId project;
  MemoryId memory;
  Parking parking;
  std::string code;  ///< as stored; parking.code is what this version makes of it
  int attempts = 0;
  Instant parked_at;       ///< the first time
  Instant tried_at;        ///< the last time
  std::size_t events = 0;  ///< how many events of the memory the mapping refused; 0 when it is the memory itself
};

struct ParkedPage {
  std::vector<ParkedMemory> memories;  ///< by project, memory and mapping
  std::optional<std::string> next;     ///< the cursor of the page behind; nothing: this is the last one
};

/// Parked memories as an operator looks at them; Parked fills and empties the table. Functions throw
/// postgres::SqlFailure.
class ParkedStore {
 public:
  /// The transaction outlives it.
  explicit ParkedStore(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// The causes, the one with most memories first.
  std::vector<ParkedGroup> List(const ParkedFilter& filter = {});
  /// The memories themselves, at most `limit` (1 to 1000) of them. kRefused: the cursor is not one of ours.
  Result<ParkedPage> Show(const ParkedFilter& filter, std::size_t limit, const std::optional<std::string>& cursor = std::nullopt);
  /// How many memories Retry would mark, and Drop would forget, now.
  std::size_t Count(const ParkedFilter& filter);
  /// Forgets them, with the events that their mappings refused; their next delivery or sweep may park them again. Returns how
  /// many memories.
  std::size_t Drop(const ParkedFilter& filter);

 private:
  postgres::Transaction& transaction_;
};

/// Marks them dirty, due now even where they are backing off; each leaves the table when it could be applied. In transactions
/// of its own on `session`, a thousand memories each; returns how many memories.
std::size_t RetryParked(postgres::Session& session, const ParkedFilter& filter);

}  // namespace membridge::sync
