#pragma once

#include <set>
#include <string>

#include "mappings/check/catalog.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns the columns of a table that the session's role may read. Code that shows whole rows selects only these, since one
/// forbidden column would make the whole statement fail. Throws postgres::SqlFailure.
std::set<std::string> ReadableColumns(postgres::Transaction& transaction, const mappings::Table& table);

}  // namespace membridge::sync
