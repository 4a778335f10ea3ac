#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Marks any number of memories dirty in transactions of a thousand, so that deliveries for them never wait long. Not atomic:
/// a failure (SqlFailure) leaves the earlier thousands marked, and doing it again is harmless.
void MarkInSlices(postgres::Session& session, std::vector<std::pair<ProjectId, MemoryId>> memories, std::string_view reason);

}  // namespace membridge::sync
