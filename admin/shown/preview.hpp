#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/memory.hpp"
#include "sync/apply/applier.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// Makes a memory a source for a plan. A plan is never committed, so this source counts as newer than everything else.
sync::Source PlannedSource(const ProjectId& project, const mappings::Memory& memory, Instant now);
/// Makes a source for a plan from a memory that Mem0 does not have.
sync::Source PlannedAbsence(const ProjectId& project, const MemoryId& memory, Instant now);

/// A row that applying a source would change. `before` or `after` is null when the row does not exist then.
struct ChangedRow {
  std::string table;        ///< `schema.name`
  nlohmann::json identity;  ///< primary key, as text
  nlohmann::json before, after;
};

/// The result of a preview: what became of the source, and the rows it would change.
struct Preview {
  sync::Outcome outcome;
  std::vector<ChangedRow> rows;  ///< also empty when the session's own role may not read the table
};

/// Applies one source in a transaction that is rolled back, and returns what it would change. Waits at most `patience` for a lock
/// and five times as long for a statement. Throws postgres::SqlFailure; 55P03 when another session holds the lock.
Preview PreviewOf(sync::postgres::Session& target, const sync::Applier& applier, const mappings::Catalog& catalog,
                  const sync::Source& source, Instant now, std::chrono::milliseconds patience);

}  // namespace membridge::admin
