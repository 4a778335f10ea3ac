#include "admin/mapping_files/target_catalogs.hpp"

#include "mappings/check/check.hpp"
#include "sync/apply/needed_rights.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

Result<std::map<std::string, mappings::Catalog>> ReadCatalogs(const Config& config, const Databases& databases,
                                                              const std::vector<ConfiguredMapping>& configured) {
  std::map<std::string, mappings::Catalog> catalogs;
  for (const auto& target : config.targets) {
    bool written = false;
    for (const auto& each : configured) written = written || each.target == target.name;
    if (!written) continue;
    const std::string& dsn = databases.DsnOf(target);
    try {
      sync::postgres::Session session{dsn, "membridge check"};
      // Reading a catalog waits for sessions that alter a table. Limit the wait, because a person may be waiting for the answer.
      session.Set("lock_timeout", "2s");
      auto catalog = sync::ReadCatalog(session);
      if (!catalog) return Within(catalog.error(), "target " + target.name);
      std::vector<const mappings::Mapping*> of_target;
      for (const auto& each : configured) {
        if (each.target == target.name) of_target.push_back(each.mapping.get());
      }
      mappings::DeclareIdentities(*catalog, of_target);
      catalogs.emplace(target.name, std::move(*catalog));
    } catch (const sync::postgres::SqlFailure& failure) {
      return tl::unexpected<Error>(failure.AsError("target " + target.name + " (" + sync::postgres::RedactDsn(dsn) + ")"));
    }
  }
  return catalogs;
}

Result<void> CheckTargetRights(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                               const std::map<std::string, mappings::Catalog>& catalogs, mappings::Diagnostics& problems) {
  for (const auto& target : config.targets) {
    const auto catalog = catalogs.find(target.name);
    if (catalog == catalogs.end()) continue;
    const std::string& dsn = databases.DsnOf(target);
    try {
      sync::postgres::Session session{dsn, "membridge check"};
      for (const auto& each : configured) {
        if (each.target == target.name) sync::CheckRights(session, *each.mapping, catalog->second, problems);
      }
    } catch (const sync::postgres::SqlFailure& failure) {
      return tl::unexpected<Error>(failure.AsError("target " + target.name + " (" + sync::postgres::RedactDsn(dsn) + ")"));
    }
  }
  return {};
}

}  // namespace membridge::admin
