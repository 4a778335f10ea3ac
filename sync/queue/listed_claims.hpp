#pragma once

#include <vector>

#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// Claims memories that nobody asked for, because their records are at hand already: those that are dirty are left out, whoever
/// works on them reads something newer. The claims end with the caller's transaction, which must settle them; until then a
/// delivery for one of them waits. Throws postgres::SqlFailure.
std::vector<Claim> TakeListed(postgres::Transaction& transaction, const ProjectId& project,
                              const std::vector<MemoryId>& memories);

}  // namespace membridge::sync
