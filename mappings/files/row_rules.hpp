#pragma once

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Reports what one row may not combine: what can be seen without its table.
void CheckRow(const Row& row, LoadContext& context);

}  // namespace membridge::mappings
