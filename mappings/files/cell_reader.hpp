#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reads the left side of an assignment: `name`, `attrs.plan.tier`, `attrs."plan.tier"`, `tags[]`, `tags[;]`, `tags[,*,]`,
/// `(street, zip, city)`, `lower(email)`. Problems are reported.
std::optional<Cell> ReadCell(const YamlNode& key, Diagnostics& problems);

/// Returns the cell of a name that Cell::name or the ledger holds. Nothing when the text is not such a name.
std::optional<Cell> CellNamed(std::string_view name);

/// Returns a column and the first `length` steps of a path inside it, as Cell::name writes them.
std::string NameOfPath(const std::string& column, const std::vector<std::string>& path, std::size_t length);

/// Returns the columns that the cell is part of.
std::vector<std::string> ColumnsOf(const Cell& cell);

/// Whether two cells overlap: they are the same, one is a path inside the other, or they share a member of a group.
bool Overlap(const Cell& a, const Cell& b);

}  // namespace membridge::mappings
