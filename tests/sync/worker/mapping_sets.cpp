#include "tests/sync/worker/mapping_sets.hpp"

#include <list>
#include <stdexcept>
#include <vector>

#include "mappings/base/digest.hpp"
#include "mappings/check/check.hpp"
#include "mappings/check/export_schema.hpp"
#include "mappings/files/loader.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {

std::shared_ptr<const sync::MappingSet> MappingSetOf(const PgDatabase& tables, const std::map<std::string, std::string>& files,
                                                     const std::optional<std::string>& dsn, bool feed) {
  sync::postgres::Session session = tables.Session();
  auto read = sync::ReadCatalog(session);
  if (!read) throw std::runtime_error(read.error().message);
  const auto catalog = std::make_shared<const mappings::Catalog>(std::move(*read));
  mappings::Diagnostics problems;
  std::list<mappings::Mapping> loaded;
  std::vector<const mappings::Mapping*> all;
  for (const auto& [name, yaml] : files) {
    auto mapping = mappings::LoadMapping(name, yaml, {}, problems);
    if (mapping) all.push_back(&loaded.emplace_back(std::move(*mapping)));
  }
  mappings::CheckAgainst(*catalog, all, problems);
  std::string errors;
  for (const auto& problem : problems.Sorted()) {
    if (problem.severity == mappings::Severity::kError) errors += problem.Text() + "\n";
  }
  if (!errors.empty()) throw std::runtime_error(errors);

  auto set = std::make_shared<sync::MappingSet>();
  sync::MappingSet::Project& project = set->projects[kCrm];
  sync::MappingSet::Target& target = project.targets.emplace_back();
  target.name = "default";
  target.dsn = dsn;
  std::string digests;
  for (mappings::Mapping& mapping : loaded) {
    const auto from = mapping.from;
    const auto shared = std::make_shared<const mappings::Mapping>(std::move(mapping));
    const auto applier = std::make_shared<const sync::Applier>(shared, catalog, feed);
    if (from == mappings::Mapping::From::kExport) target.exports.push_back({applier, mappings::ExportSchema(*shared, *catalog)});
    if (from == mappings::Mapping::From::kEvent) target.events.push_back(applier);
    if (from != mappings::Mapping::From::kMemory) continue;
    target.appliers.push_back(applier);
    digests += shared->digest;
  }
  project.digest = mappings::Sha256Hex(digests);
  return set;
}

}  // namespace membridge::test
