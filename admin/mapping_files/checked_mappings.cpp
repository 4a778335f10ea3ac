#include "admin/mapping_files/checked_mappings.hpp"

#include <utility>

#include "admin/mapping_files/mapping_snapshot.hpp"
#include "admin/mapping_files/target_catalogs.hpp"

namespace membridge::admin {

Result<std::optional<CheckedMappings>> LoadAndCheck(const Config& config, const Databases& databases,
                                                    mappings::Diagnostics& problems) {
  CheckedMappings checked;
  checked.configured = LoadMappings(config, problems);
  auto catalogs = ReadCatalogs(config, databases, checked.configured);
  if (!catalogs) return tl::unexpected<Error>(catalogs.error());
  checked.catalogs = std::move(*catalogs);
  CheckMappings(checked.configured, checked.catalogs, problems);
  if (problems.HasErrors()) return std::optional<CheckedMappings>{};
  checked.set = BuildMappingSet(config, checked.configured, checked.catalogs);
  for (const ConfiguredMapping& each : checked.configured) {
    if (each.mapping->from == mappings::Mapping::From::kMemory)
      checked.projected[each.mapping->name] += each.target + each.mapping->digest;
  }
  return std::optional{std::move(checked)};
}

}  // namespace membridge::admin
