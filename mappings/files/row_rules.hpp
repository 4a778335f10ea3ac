#pragma once

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reports keywords and cells of one row that do not go together, as far as that can be checked without its table.
void CheckRow(const Row& row, LoadContext& context);

/// Warns of cells under `set` and `force` that become false for every memory that does not say true.
void WarnOfFalse(const Row& row, LoadContext& context);

}  // namespace membridge::mappings
