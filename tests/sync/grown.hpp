#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/support/postgres.hpp"

namespace membridge::test {

/// How many memories "many" are: MEMBRIDGE_GROWN_TO, else 36,000, over 560 in each bucket of the queue.
std::int64_t ManyMemories();

/// Writes, without the program, what so many memories of `project` leave in every table that grows with them: mirror, sources,
/// ledger rows, contributions, folded deliveries, a queue of which nothing is due, and a tenth as many parked memories, events
/// and so on. `table`: the target's table, with the columns `memory_id`, `person` and `body`.
void FillUp(const PgDatabase& db, const std::string& project, const std::string& table, std::int64_t memories);

/// How many rows, and entries of indexes, were read from each table of the database by sessions that have ended.
using ReadByTable = std::map<std::string, std::int64_t>;
ReadByTable ReadSoFar(const PgDatabase& db);
/// Waits until the database's only session is the one `db` keeps.
void AwaitEnd(const PgDatabase& db);
ReadByTable operator-(const ReadByTable& later, const ReadByTable& earlier);

}  // namespace membridge::test
