#pragma once

#include <vector>

#include "sync/queue/queue.hpp"

namespace membridge::sync {

/// Claims memories whose records a list has just returned, although they are not in the queue. Leaves out dirty memories: the
/// worker that takes them reads something newer. The claims end with the caller's transaction, which must settle them; until then
/// a delivery for one of them waits. Throws postgres::SqlFailure.
std::vector<Claim> TakeListed(postgres::Transaction& transaction, const ProjectId& project,
                              const std::vector<MemoryId>& memories);

}  // namespace membridge::sync
