#pragma once

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reports what one row may not combine: what can be seen without its table.
void CheckRow(const Row& row, LoadContext& context);

/// Warns of cells under `set` and `force` that say false in the name of every memory that does not say true.
void WarnOfFalse(const Row& row, LoadContext& context);

}  // namespace membridge::mappings
