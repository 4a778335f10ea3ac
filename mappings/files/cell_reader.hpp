#pragma once

#include <optional>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// The left side: `name`, `attrs.plan.tier`, `tags[]`, `(street, zip, city)`, `lower(email)`. Problems are reported.
std::optional<Cell> ReadCell(const YamlNode& key, Diagnostics& problems);

/// The columns it stands in.
std::vector<std::string> ColumnsOf(const Cell& cell);

/// Whether two cells share something: the same one, a path and what it leads through, a member of a group.
bool Overlap(const Cell& a, const Cell& b);

}  // namespace membridge::mappings
