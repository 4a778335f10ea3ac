#include "admin/mapping_files/configured_mappings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/check/check.hpp"
#include "mappings/files/loader.hpp"

namespace membridge::admin {
namespace {

/// Reports a mapping that is made from what a Mem0 of one's own does not have, when no project at the Platform feeds it.
void RefuseWithoutSource(const Config& config, const MappingConfig& entry, const mappings::Mapping& mapping,
                         mappings::Diagnostics& problems) {
  using From = mappings::Mapping::From;
  if (mapping.from == From::kMemory) return;
  const auto has_any = [&](const ProjectConfig& project) {
    return (!entry.project || *entry.project == project.id) && !project.source;
  };
  const bool named = entry.project ? config.FindProject(*entry.project) != nullptr : !config.projects.empty();
  if (!named || std::ranges::any_of(config.projects, has_any)) return;
  problems.Error(entry.place,
                 fmt::format("{} is made from {}, and a Mem0 of your own has none; make it from memories, or name a project at "
                             "Mem0's Platform",
                             entry.file, mapping.from == From::kExport ? "exports" : "events"));
}

}  // namespace

std::vector<ConfiguredMapping> LoadMappings(const Config& config, mappings::Diagnostics& problems) {
  std::vector<ConfiguredMapping> loaded;
  for (const auto& entry : config.mappings) {
    if (auto mapping = mappings::LoadMappingFile(entry.file, entry.vars, problems)) {
      RefuseWithoutSource(config, entry, *mapping, problems);
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
