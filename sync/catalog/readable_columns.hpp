#pragma once

#include <set>
#include <string>

#include "mappings/check/catalog.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The columns of a table that the session's role may read. For what shows whole rows: a column that is forbidden is left out,
/// and does not make all others unreadable. Throws postgres::SqlFailure.
std::set<std::string> ReadableColumns(postgres::Transaction& transaction, const mappings::Table& table);

}  // namespace membridge::sync
