#pragma once

#include <map>
#include <string>
#include <vector>

#include "admin/runtime/databases.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/base/result.hpp"

namespace membridge::admin {

/// Reads, for every target that a mapping writes to, what its database says of the tables the mappings name.
Result<std::map<std::string, mappings::Catalog>> ReadCatalogs(const Config& config, const Databases& databases,
                                                              const std::vector<ConfiguredMapping>& configured);

}  // namespace membridge::admin
