#pragma once

#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The sources to erase from a target database. Private to erasure.
struct ErasedSources {
  ProjectId project;
  std::string user_hash;             ///< under this the ledger remembers what could not be erased
  std::vector<std::string> sources;  ///< memories, and the user as exports name them; events of these memories belong to them
};

/// Counts what would be erased; see ErasureCounts.
ErasureCounts CountInTarget(postgres::Transaction& transaction, const ErasedSources& of_state);

/// Withdraws everything that these sources said, deletes the rows that the bridge made for them alone, and forgets the sources.
/// Returns its open transaction on `session`, for the caller to add to and commit. Adds to `counts` and `passed_over`. Throws
/// postgres::SqlFailure.
postgres::Transaction EraseInTarget(postgres::Session& session, const ErasureTarget& target, const ErasedSources& erased,
                                    Instant now, ErasureCounts& counts, PassedOver& passed_over);

}  // namespace membridge::sync
