#pragma once

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Tells every right on schemas, tables, columns and sequences that the mapping's statements need and the role they run under
/// (the session's own, or `session: {role: …}`) does not have, each with the GRANT that helps, at the place of the row. Tables
/// that are not in the catalogue are left out: CheckAgainst() tells of them. Throws postgres::SqlFailure.
void CheckRights(postgres::Session& session, const mappings::Mapping& mapping, const mappings::Catalog& catalog,
                 mappings::Diagnostics& problems);

}  // namespace membridge::sync
