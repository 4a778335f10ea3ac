#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/check/catalog.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::admin {

/// Mappings that were loaded and checked against the tables they write, so that they can be applied. Immutable.
struct CheckedMappings {
  std::vector<ConfiguredMapping> configured;          ///< all mappings of the configuration, in its order
  std::map<std::string, mappings::Catalog> catalogs;  ///< of each target, as it was read for the check
  std::shared_ptr<const sync::MappingSet> set;        ///< the same mappings in the form that workers apply
  std::map<std::string, std::string> projected;  ///< digests of those `from: memory`, by name: what the mirror was projected by
};

/// Loads and checks every mapping file of the configuration. Adds errors and warnings to `problems`; returns nothing when there
/// are errors. An Error: a target's tables could not be read.
Result<std::optional<CheckedMappings>> LoadAndCheck(const Config& config, const Databases& databases,
                                                    mappings::Diagnostics& problems);

/// Mapping files that were loaded and refused.
struct RefusedMappings {
  Instant at;
  mappings::Diagnostics problems;
};

/// The mappings in force at one moment, and the files on disk that were refused since.
struct MappingsInForce {
  std::shared_ptr<const CheckedMappings> checked;
  std::optional<RefusedMappings> refused;
};

}  // namespace membridge::admin
