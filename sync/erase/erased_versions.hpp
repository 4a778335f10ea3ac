#pragma once

#include "mappings/check/catalog.hpp"
#include "sync/apply/told_rows.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/erase/erasure_target.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

// Closed versions of rows under `history`: private to erasure.

/// Counts the versions that would be deleted and those that would be changed; see ErasureCounts. Throws postgres::SqlFailure.
void CountVersions(postgres::Transaction& transaction, const ErasedSources& erased, ErasureCounts& counts);

/// Deletes the versions of rows that the bridge made in which only these sources spoke. Removes what they said from all other
/// versions, and from versions that the database refuses to delete. Throws postgres::SqlFailure.
void EraseVersions(postgres::Transaction& transaction, const mappings::Catalog& catalog, const ErasedSources& erased,
                   ErasureCounts& counts, ToldRows& told);

}  // namespace membridge::sync
