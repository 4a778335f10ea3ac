#pragma once

// Which tables a batch can touch: private to sync/apply.

#include <vector>

#include "sync/apply/plan.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The plan's tables that a batch of sources may read or write: those of rows that a source speaks of now, and those of rows that
/// the ledger says a source spoke of before. May name a table too many, never one too few. What is left out need not be waited
/// for: a table that somebody holds locked delays the memories that speak of it and no others. Throws postgres::SqlFailure.
std::vector<const TargetTable*> TouchedTables(const MappingPlan& plan, postgres::Transaction& transaction,
                                              const std::vector<Source>& sources, Instant now);

}  // namespace membridge::sync
