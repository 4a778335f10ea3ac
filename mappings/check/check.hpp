#pragma once

#include <string>
#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Compares mappings with the tables they write (mappings/README.md, Check): unknown tables and columns, NOT NULL without
/// default, generated and identity columns, paths into columns that are not json, a table without a primary key or unique index
/// to remember its rows by, keys without a unique index, lengths, enum constants, and two mappings on one cell. It needs no
/// database. `mappings` must hold all mappings of one target, because it also finds conflicts between them. Thread-safe.
void CheckAgainst(const Catalog& catalog, const std::vector<const Mapping*>& mappings, Diagnostics& problems);

/// Sets what a mapping takes from its target's columns: a `truncate` without n gets the length of its column, and under
/// `session: {timezone: ...}` every time gets the form that its column takes. Call it once per mapping and target, before the
/// mapping is shared between threads. A `truncate` whose column has no length then changes nothing (CheckAgainst() reports it).
void BindLengths(Mapping& mapping, const Catalog& catalog);

/// Returns the table that a row is written to: in its schema, or along the mapping's own `search_path`, or else along the
/// catalogue's. nullptr when there is none.
const Table* TableOf(const Row& row, const Mapping& mapping, const Catalog& catalog);
/// Finds a table by the same rules, by name; the schema may be empty. The steps of `tests:` use it, too.
const Table* FindTable(const std::string& schema, const std::string& table, const Mapping& mapping, const Catalog& catalog);

/// Copies the `identity` of mappings into the catalogue's tables without a primary key, so that Table::Identity() returns it.
/// Call it once per target and before CheckAgainst(), which reports columns that cannot be an identity.
void DeclareIdentities(Catalog& catalog, const std::vector<const Mapping*>& mappings);

}  // namespace membridge::mappings
