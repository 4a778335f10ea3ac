#pragma once

#include <map>
#include <string>
#include <vector>

#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/result.hpp"
#include "mappings/check/catalog.hpp"

namespace membridge::admin {

/// Reads, for every target that a mapping writes to, what its database says of the tables the mappings name.
Result<std::map<std::string, mappings::Catalog>> ReadCatalogs(const Config& config, const Databases& databases,
                                                              const std::vector<ConfiguredMapping>& configured);

}  // namespace membridge::admin
