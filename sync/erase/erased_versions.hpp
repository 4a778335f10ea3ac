#pragma once

#include "mappings/check/catalog.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/erase/erasure_target.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

// Closed versions of rows under `history`: private to erasure.

/// How many would go, and how many would lose what these sources said: see ErasureCounts.
void CountVersions(postgres::Transaction& transaction, const ErasedSources& erased, ErasureCounts& counts);

/// Deletes the versions of rows the bridge made in which nobody else said anything, and takes what was said out of the others,
/// and out of those that something holds on to. Throws postgres::SqlFailure.
void EraseVersions(postgres::Transaction& transaction, const mappings::Catalog& catalog, const ErasedSources& erased,
                   ErasureCounts& counts);

}  // namespace membridge::sync
