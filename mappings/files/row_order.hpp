#pragma once

#include <vector>

#include "mappings/base/diagnostic.hpp"
#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// Puts every row behind its parent and behind the rows it uses, otherwise keeping their order; fills in `parent` anew and
/// `referenced`. Circles, and uses of a row that exists many times from where only one could be meant, are reported.
std::vector<Row> InOrder(std::vector<Row> rows, Diagnostics& problems);

}  // namespace membridge::mappings
