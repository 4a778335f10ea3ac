#pragma once

// Which tables a batch can touch: private to sync/apply.

#include <vector>

#include "sync/apply/plan.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns the plan's tables that a batch of sources may read or write: tables of rows that a source speaks of now, and tables of
/// rows that it spoke of before by the ledger. It may return a table too many, never one too few. The batch need not wait for the
/// other tables, so a locked table delays only the memories that speak of it. Throws postgres::SqlFailure.
std::vector<const TargetTable*> TouchedTables(const MappingPlan& plan, postgres::Transaction& transaction,
                                              const std::vector<Source>& sources, Instant now);

}  // namespace membridge::sync
