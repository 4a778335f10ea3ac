#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// The left side: `name`, `attrs.plan.tier`, `attrs."plan.tier"`, `tags[]`, `tags[;]`, `tags[,*,]`, `(street, zip, city)`,
/// `lower(email)`. Problems are reported.
std::optional<Cell> ReadCell(const YamlNode& key, Diagnostics& problems);

/// The cell of that name, as Cell::name and the ledger write it. Nothing when it is none.
std::optional<Cell> CellNamed(std::string_view name);

/// A column and the first `length` steps of a path inside it, as Cell::name writes them.
std::string NameOfPath(const std::string& column, const std::vector<std::string>& path, std::size_t length);

/// The columns it stands in.
std::vector<std::string> ColumnsOf(const Cell& cell);

/// Whether two cells share something: the same one, a path and what it leads through, a member of a group.
bool Overlap(const Cell& a, const Cell& b);

}  // namespace membridge::mappings
