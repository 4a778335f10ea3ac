#pragma once

#include <map>
#include <string>
#include <vector>

#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"
#include "mappings/check/catalog.hpp"

namespace membridge::admin {

/// Reads the catalog of every target that a mapping writes to: the tables that the mappings name. An Error: a target could not be
/// reached.
Result<std::map<std::string, mappings::Catalog>> ReadCatalogs(const Config& config, const Databases& databases,
                                                              const std::vector<ConfiguredMapping>& configured);

/// Reports every right on tables that the mappings' statements need and their roles do not have. An Error: a target could not be
/// reached.
Result<void> CheckTargetRights(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                               const std::map<std::string, mappings::Catalog>& catalogs, mappings::Diagnostics& problems);

}  // namespace membridge::admin
