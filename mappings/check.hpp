#pragma once

#include <vector>

#include "mappings/catalog.hpp"
#include "mappings/diagnostic.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Compares mappings with the tables they write (mapping.md section 1.4): unknown tables and columns, NOT NULL without default,
/// generated and identity columns, paths into columns that are not json, a table without a primary key or unique index to
/// remember its rows by, keys without a unique index, lengths, enum constants, and two mappings on one cell. Pure: needs no
/// database.
void CheckAgainst(const Catalog& catalog, const std::vector<const Mapping*>& mappings, Diagnostics& problems);

}  // namespace membridge::mappings
