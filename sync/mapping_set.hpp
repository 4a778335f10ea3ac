#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mappings/id.hpp"
#include "sync/apply/applier.hpp"

namespace membridge::sync {

/// The mappings in force, ready to apply: an immutable snapshot that a reload replaces as a whole.
struct MappingSet {
  struct Target {
    std::string name;                ///< as in `targets:`
    std::optional<std::string> dsn;  ///< nothing: the state database, and then one transaction covers rows and queue
    std::vector<std::shared_ptr<const Applier>> appliers;  ///< `from: memory`
  };
  struct Project {
    std::vector<Target> targets;
    std::string digest;  ///< over every mapping's digest: what the mirror compares to know whether a memory was applied by these
  };
  std::map<ProjectId, Project> projects;
};

}  // namespace membridge::sync
