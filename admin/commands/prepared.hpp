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

/// What a command that works with mappings needs: the configuration, its databases, and the mappings the user means, checked
/// against the tables they write.
struct Prepared {
  Config config;
  Databases databases;
  std::vector<ConfiguredMapping> mappings;
  std::map<std::string, mappings::Catalog> catalogs;  ///< by target

  const std::string& DsnOf(const ConfiguredMapping& mapping) const { return databases.DsnOf(*config.FindTarget(mapping.target)); }
};

/// Points a configuration at other databases, before any is opened: those of its targets that the mappings write.
using Redirect = std::function<Result<void>(Config&, const std::vector<ConfiguredMapping>&)>;

/// Loads and checks the mappings named by `wanted` (by name or path; empty means all). Otherwise an exit status, after everything
/// that is wrong was printed.
tl::expected<Prepared, int> Prepare(const std::string& config_file, const std::vector<std::string>& wanted, Console& console,
                                    const Redirect& redirect = {});

}  // namespace membridge::admin
