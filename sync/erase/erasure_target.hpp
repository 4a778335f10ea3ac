#pragma once

#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// What is to go out of a target database: private to erasure.
struct ErasedSources {
  ProjectId project;
  std::string user_hash;             ///< what could not be erased is remembered by it
  std::vector<std::string> sources;  ///< memories, and the user as exports name them; events of these memories belong to them
};

/// What would go; see ErasureCounts.
ErasureCounts CountInTarget(postgres::Transaction& transaction, const ErasedSources& of_state);

/// Withdraws everything these sources said, deletes the rows the bridge made for nobody else, and forgets the sources. One
/// transaction on `session`, left open for the caller to add to and commit. Adds to `passed_over`. Throws postgres::SqlFailure.
postgres::Transaction EraseInTarget(postgres::Session& session, const ErasureTarget& target, const ErasedSources& erased,
                                    Instant now, ErasureCounts& counts, PassedOver& passed_over);

}  // namespace membridge::sync
