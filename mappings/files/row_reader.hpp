#pragma once

#include <string>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// The names of all rows below `rows`, nested ones too; names that are given twice or mean something else are reported.
std::vector<std::string> CollectRowNames(const YamlNode& rows, Diagnostics& problems);

/// Reads `rows`. In the order of the file, a nested row behind its parent; `parent` is an index into the result.
std::vector<Row> ReadRows(const YamlNode& rows, LoadContext& context);

}  // namespace membridge::mappings
