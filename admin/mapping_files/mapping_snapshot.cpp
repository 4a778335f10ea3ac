#include "admin/mapping_files/mapping_snapshot.hpp"

#include "mappings/base/digest.hpp"
#include "mappings/check/export_schema.hpp"

namespace membridge::admin {

std::shared_ptr<const sync::MappingSet> BuildMappingSet(const Config& config, const std::vector<ConfiguredMapping>& configured,
                                                        const std::map<std::string, mappings::Catalog>& catalog_by_target) {
  std::map<std::string, std::shared_ptr<const mappings::Catalog>> catalogs;
  for (const auto& [target, catalog] : catalog_by_target) catalogs[target] = std::make_shared<const mappings::Catalog>(catalog);
  // One applier serves every project its mapping serves.
  std::vector<std::shared_ptr<const sync::Applier>> appliers;
  for (const auto& each : configured)
    appliers.push_back(std::make_shared<const sync::Applier>(each.mapping, catalogs.at(each.target), each.tells_changes));

  auto set = std::make_shared<sync::MappingSet>();
  for (const auto& project : config.projects) {
    sync::MappingSet::Project& entry = set->projects[project.id];
    std::string digests, tables;
    for (const auto& target : config.targets) {
      sync::MappingSet::Target of_target{target.name, target.dsn, {}, {}, {}};
      for (std::size_t i = 0; i < configured.size(); ++i) {
        const bool serves = !configured[i].project || *configured[i].project == project.id;
        if (!serves || configured[i].target != target.name) continue;
        if (configured[i].mapping->from == mappings::Mapping::From::kExport)
          of_target.exports.push_back({appliers[i], mappings::ExportSchema(*configured[i].mapping, *catalogs.at(target.name))});
        if (configured[i].mapping->from == mappings::Mapping::From::kEvent) of_target.events.push_back(appliers[i]);
        if (configured[i].mapping->from != mappings::Mapping::From::kMemory) continue;
        of_target.appliers.push_back(appliers[i]);
        digests += target.name + " " + configured[i].mapping->name + " " + configured[i].mapping->digest + "\n";
      }
      if (const auto catalog = catalogs.find(target.name); catalog != catalogs.end())
        tables += target.name + " " + catalog->second->ToJson().dump() + "\n";
      if (!of_target.appliers.empty() || !of_target.exports.empty() || !of_target.events.empty())
        entry.targets.push_back(std::move(of_target));
    }
    entry.digest = mappings::Sha256Hex(digests);
    entry.edition = mappings::Sha256Hex(digests + tables);
  }
  return set;
}

}  // namespace membridge::admin
