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

/// A memory that somebody else is in the way of: it stays in the queue and is tried again within seconds.
struct BlockedMemory {
  ProjectId project;
  MemoryId memory;
  Instant since;      ///< when it was first put back for it
  Instant due_at;     ///< when it is tried again
  int attempts = 0;   ///< failed ones in a row
  std::string cause;  ///< PostgreSQL's SQLSTATE and words, which hold no values
};

/// Blocked memories, those that wait longest first, at most `limit`. `project`, `memory`: only these. Throws
/// postgres::SqlFailure.
std::vector<BlockedMemory> ListBlocked(postgres::Transaction& transaction, const std::optional<ProjectId>& project,
                                       const std::optional<MemoryId>& memory, std::size_t limit);

/// All of them together.
struct BlockedSum {
  std::int64_t memories = 0;
  std::chrono::duration<double> oldest{};  ///< how long the one has been blocked that waits longest
};
/// Throws postgres::SqlFailure.
BlockedSum SumBlocked(postgres::Transaction& transaction);

}  // namespace membridge::sync
