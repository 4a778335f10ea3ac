#pragma once

#include <string>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns the tables, as `schema.name`, whose rows must change before a source with this refusal can be applied: both sides of a
/// foreign key, or the table of a unique value or an exclusion. Empty when the refusal is about the value alone, or when
/// PostgreSQL does not tell. Reads the catalogue in `transaction`, which must not have failed. Throws postgres::SqlFailure.
std::vector<std::string> DependenciesOf(postgres::Transaction& transaction, const postgres::SqlFailure::Fields& refusal);

}  // namespace membridge::sync
