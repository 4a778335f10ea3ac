#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Whether the database has a ledger that knows the change feed.
bool HasChanges(postgres::Session& session);

/// Deletes entries of the change feed that are older than `keep`, the oldest first, at most `at_once` of them. Returns how many.
/// It does not matter whether they were posted. Throws postgres::SqlFailure.
std::size_t ForgetChanges(postgres::Session& session, std::chrono::seconds keep, std::size_t at_once);

/// Makes the publication of membridge.changes, for logical replication, unless it is there. It publishes inserts only, so that
/// entries that leave by age are not told again. Returns whether it was made. Throws postgres::SqlFailure, as without the right
/// CREATE on the database.
bool EnsurePublication(postgres::Session& session, const std::string& name);

}  // namespace membridge::sync
