#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "mappings/id.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// What every INSERT INTO membridge.dirty AS d says about rows that are there already, whoever marks:
/// - the generation moves on, so that a claim under way cannot end the mark;
/// - what waits is due no later than now, except that a memory backing off after failures keeps its turn, or a hundred
///   deliveries would be a hundred attempts against something that is down (a person who asks, `manual`, need not wait);
/// - the reason that asks for more wins: a `reproject`, which may make do with the mirror, must not hide a `delivery`.
/// Inserted rows must come ordered by bucket, project, memory_id COLLATE "C", so that two markers never deadlock.
inline constexpr std::string_view kMarkAgain = R"(
  ON CONFLICT (bucket, project, memory_id) DO UPDATE SET
    generation = d.generation + 1,
    marked_at = clock_timestamp(),
    due_at = CASE WHEN d.attempts > 0 AND excluded.reason <> 'manual' THEN d.due_at ELSE least(d.due_at, excluded.due_at) END,
    reason = CASE WHEN array_position('{reproject,expiry,sweep,manual,delivery}'::text[], excluded.reason)
                     < array_position('{reproject,expiry,sweep,manual,delivery}'::text[], d.reason)
                  THEN d.reason ELSE excluded.reason END)";

/// Marks any number of memories dirty in transactions of a thousand, so that deliveries for them never wait long. Not atomic:
/// a failure (SqlFailure) leaves the earlier thousands marked, and doing it again is harmless.
void MarkInSlices(postgres::Session& session, std::vector<std::pair<ProjectId, MemoryId>> memories, std::string_view reason);

}  // namespace membridge::sync
