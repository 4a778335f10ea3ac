#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::admin {

/// Returns the mappings in the form that workers apply: per project, by target. They must have passed CheckMappings() with these
/// catalogs.
std::shared_ptr<const sync::MappingSet> BuildMappingSet(const Config& config, const std::vector<ConfiguredMapping>& configured,
                                                        const std::map<std::string, mappings::Catalog>& catalog_by_target);

}  // namespace membridge::admin
