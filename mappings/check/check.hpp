#pragma once

#include <string>
#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Compares mappings with the tables they write (mappings/README.md, Check): unknown tables and columns, NOT NULL without
/// default, generated and identity columns, paths into columns that are not json, a table without a primary key or unique index
/// to remember its rows by, keys without a unique index, lengths, enum constants, and two mappings on one cell. Pure: needs no
/// database. The mappings are those of one target.
void CheckAgainst(const Catalog& catalog, const std::vector<const Mapping*>& mappings, Diagnostics& problems);

/// Gives every `truncate` without n the length of the column it is written to, and under `session: {timezone: ...}` every time
/// the form its column takes; to be called once per mapping and target, before the mapping is shared. A `truncate` whose column
/// has no length then changes nothing (CheckAgainst() reports it).
void BindLengths(Mapping& mapping, const Catalog& catalog);

/// The table a row is written to: in its schema, or along the mapping's own `search_path`, then the catalogue's. May be nullptr.
const Table* TableOf(const Row& row, const Mapping& mapping, const Catalog& catalog);
/// The same by name; the schema may be empty. It is how the steps of `tests:` find theirs, too.
const Table* FindTable(const std::string& schema, const std::string& table, const Mapping& mapping, const Catalog& catalog);

/// Tells the catalogue which columns tell the rows of tables without a primary key apart, where a mapping says it (`identity`):
/// everything that remembers rows goes by Table::Identity(). To be called once per target, before CheckAgainst(), which reports
/// what cannot be an identity.
void DeclareIdentities(Catalog& catalog, const std::vector<const Mapping*>& mappings);

}  // namespace membridge::mappings
