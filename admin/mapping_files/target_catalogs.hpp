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

/// Reads, for every target that a mapping writes to, what its database says of the tables the mappings name.
Result<std::map<std::string, mappings::Catalog>> ReadCatalogs(const Config& config, const Databases& databases,
                                                              const std::vector<ConfiguredMapping>& configured);

/// Tells every right that the mappings' statements need on their tables and their roles do not have. An Error: a target could not
/// be asked.
Result<void> CheckTargetRights(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                               const std::map<std::string, mappings::Catalog>& catalogs, mappings::Diagnostics& problems);

}  // namespace membridge::admin
