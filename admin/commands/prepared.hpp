#pragma once

#include <functional>
#include <map>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "admin/commands/command.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/check/catalog.hpp"

namespace membridge::admin {

/// What commands on mappings need: the configuration, its databases, and the mappings that the user named, checked against the
/// tables they write.
struct Prepared {
  Config config;
  Databases databases;
  std::vector<ConfiguredMapping> mappings;
  std::map<std::string, mappings::Catalog> catalogs;  ///< by target

  const std::string& DsnOf(const ConfiguredMapping& mapping) const { return databases.DsnOf(*config.FindTarget(mapping.target)); }
};

/// Changes a configuration to use other databases for the targets that the mappings write. It is called before any database is
/// opened.
using Redirect = std::function<Result<void>(Config&, const std::vector<ConfiguredMapping>&)>;

/// Loads and checks the mappings in `wanted` (names or paths; empty means all). On a failure prints everything that is wrong and
/// returns the exit status.
tl::expected<Prepared, int> Prepare(const std::string& config_file, const std::vector<std::string>& wanted, Console& console,
                                    const Redirect& redirect = {});

}  // namespace membridge::admin
