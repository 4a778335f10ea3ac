#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"

namespace membridge::admin {

/// A mapping file with its project and target from the configuration.
struct ConfiguredMapping {
  std::shared_ptr<const mappings::Mapping> mapping;
  std::optional<ProjectId> project;  ///< nothing: every project
  std::string target;
  bool tells_changes = false;  ///< to the change feed
};

/// Loads every mapping file of the configuration. Files with errors are left out; their errors are added to `problems`.
std::vector<ConfiguredMapping> LoadMappings(const Config& config, mappings::Diagnostics& problems);

/// Checks the mappings against the tables they write, target by target. Targets without a catalog are left out.
void CheckMappings(const std::vector<ConfiguredMapping>& configured,
                   const std::map<std::string, mappings::Catalog>& catalog_by_target, mappings::Diagnostics& problems);

}  // namespace membridge::admin
