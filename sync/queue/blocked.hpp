#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A memory that another session's lock keeps from being written. It stays in the queue and is tried again within seconds.
struct BlockedMemory {
  ProjectId project;
  MemoryId memory;
  Instant since;      ///< when it was first put back because of the block
  Instant due_at;     ///< when it is tried again
  int attempts = 0;   ///< failed ones in a row
  std::string cause;  ///< PostgreSQL's SQLSTATE and words, which hold no values
};

/// Returns at most `limit` blocked memories, the longest blocked first. `project` and `memory` restrict the list when they are
/// set. Throws postgres::SqlFailure.
std::vector<BlockedMemory> ListBlocked(postgres::Transaction& transaction, const std::optional<ProjectId>& project,
                                       const std::optional<MemoryId>& memory, std::size_t limit);

/// Totals over all blocked memories.
struct BlockedSum {
  std::int64_t memories = 0;
  std::chrono::duration<double> oldest{};  ///< how long the longest blocked memory has been blocked
};
/// Throws postgres::SqlFailure.
BlockedSum SumBlocked(postgres::Transaction& transaction);

}  // namespace membridge::sync
