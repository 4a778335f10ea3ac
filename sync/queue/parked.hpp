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

/// Selects parked memories. A field that is not set selects all.
struct ParkedFilter {
  std::optional<std::string> group = std::nullopt;  ///< ParkedGroup::group
  std::optional<ProjectId> project = std::nullopt;
  std::optional<MemoryId> memory = std::nullopt;
  std::optional<std::string> mapping = std::nullopt;
  std::optional<std::string> code = std::nullopt;                 ///< as NameOf(ErrorCode) spells it
  std::optional<std::chrono::seconds> older_than = std::nullopt;  ///< parked for the first time longer ago than this
};

/// Parked memories that share a cause: same project, mapping, place, code and SQLSTATE, and the same text without values, numbers
/// and ids.
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
  std::string code;  ///< as stored; parking.code is this version's reading of it
  int attempts = 0;
  Instant parked_at;       ///< the first time
  Instant tried_at;        ///< the last time
  std::size_t events = 0;  ///< how many of the memory's events the mapping refused; 0: it refused the memory itself
};

/// One page of ParkedStore::Show().
struct ParkedPage {
  std::vector<ParkedMemory> memories;  ///< by project, memory and mapping
  std::optional<std::string> next;     ///< the next page's cursor; nothing: this is the last page
};

/// Lists and drops parked memories for the operator. (Workers park and unpark them through Parked.) Functions throw
/// postgres::SqlFailure.
class ParkedStore {
 public:
  /// The transaction outlives it.
  explicit ParkedStore(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Returns the groups, the one with most memories first.
  std::vector<ParkedGroup> List(const ParkedFilter& filter = {});
  /// Returns a page of at most `limit` (1 to 1000) memories. kRefused: the cursor did not come from an earlier page.
  Result<ParkedPage> Show(const ParkedFilter& filter, std::size_t limit, const std::optional<std::string>& cursor = std::nullopt);
  /// Counts the memories that RetryParked() would mark, or Drop() would forget, now.
  std::size_t Count(const ParkedFilter& filter);
  /// Forgets the selected memories and the events that their mappings refused. Their next delivery or sweep may park them again.
  /// Returns how many memories.
  std::size_t Drop(const ParkedFilter& filter);

 private:
  postgres::Transaction& transaction_;
};

/// Marks the selected memories dirty and due now, even those that back off. Each stays parked until it was applied. Uses
/// transactions of its own on `session`, a thousand memories each. Returns how many memories. Throws postgres::SqlFailure.
std::size_t RetryParked(postgres::Session& session, const ParkedFilter& filter);

}  // namespace membridge::sync
