#pragma once

#include <set>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/diagnostic.hpp"

namespace membridge::admin {

/// Asks Mem0 for the categories of each project that a mapping asks for categories of, and warns where a mapping asks for one
/// that no memory of the project can get: Mem0 assigns only the project's own categories, or its fifteen where the project has
/// none. Projects that cannot be asked are passed over. Blocks for at most 10 s per project.
void WarnOfUnknownCategories(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                             mappings::Diagnostics& problems);

}  // namespace membridge::admin
