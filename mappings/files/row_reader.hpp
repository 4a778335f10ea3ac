#pragma once

#include <string>
#include <vector>

#include "mappings/files/load_context.hpp"

namespace membridge::mappings {

/// Returns the names of all rows below `rows`, including nested ones. Reports names that are given twice or are reserved.
std::vector<std::string> CollectRowNames(const YamlNode& rows, Diagnostics& problems);

/// Reads `rows` in the order of the file, each nested row after its parent. `parent` is an index into the result. Problems are
/// reported.
std::vector<Row> ReadRows(const YamlNode& rows, LoadContext& context);

}  // namespace membridge::mappings
