#pragma once

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Adds a problem for every right on schemas, tables, columns and sequences that the mapping's statements need and their role
/// lacks (the session's own, or `session: {role: …}`). Each names the GRANT that helps, at the place of the row. Leaves out
/// tables that are not in the catalogue, which CheckAgainst() reports. Throws postgres::SqlFailure.
void CheckRights(postgres::Session& session, const mappings::Mapping& mapping, const mappings::Catalog& catalog,
                 mappings::Diagnostics& problems);

}  // namespace membridge::sync
