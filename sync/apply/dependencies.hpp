#pragma once

#include <string>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The tables, as `schema.name`, whose rows would have to change before a source that was refused with these words could be
/// applied: both sides of a foreign key, the table of a unique value or an exclusion. Empty when the refusal is about the value
/// alone, or when PostgreSQL does not say. Asks the catalogue in `transaction`, which must not have failed.
std::vector<std::string> DependenciesOf(postgres::Transaction& transaction, const postgres::SqlFailure::Fields& refusal);

}  // namespace membridge::sync
