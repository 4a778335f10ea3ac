#pragma once

#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Orders the rows so that each comes after its parent and after the rows it uses; otherwise their order stays. Updates `parent`
/// and fills in `referenced`. Reports circles, and uses of a row with many instances where it is not clear which instance is
/// meant.
std::vector<Row> InOrder(std::vector<Row> rows, Diagnostics& problems);

}  // namespace membridge::mappings
