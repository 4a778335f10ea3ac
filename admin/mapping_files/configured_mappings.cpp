#include "admin/mapping_files/configured_mappings.hpp"

#include "mappings/check/check.hpp"
#include "mappings/files/loader.hpp"

namespace membridge::admin {

std::vector<ConfiguredMapping> LoadMappings(const Config& config, mappings::Diagnostics& problems) {
  std::vector<ConfiguredMapping> loaded;
  for (const auto& entry : config.mappings) {
    if (auto mapping = mappings::LoadMappingFile(entry.file, entry.vars, problems)) {
      loaded.push_back(
          {std::make_shared<const mappings::Mapping>(std::move(*mapping)), entry.project, entry.target, config.Tells(entry)});
    }
  }
  return loaded;
}

void CheckMappings(const std::vector<ConfiguredMapping>& configured,
                   const std::map<std::string, mappings::Catalog>& catalog_by_target, mappings::Diagnostics& problems) {
  for (const auto& [target, catalog] : catalog_by_target) {
    std::vector<const mappings::Mapping*> of_target;
    for (const auto& each : configured) {
      if (each.target == target) of_target.push_back(each.mapping.get());
    }
    mappings::CheckAgainst(catalog, of_target, problems);
  }
}

}  // namespace membridge::admin
