#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "sync/apply/applier.hpp"

namespace membridge::sync {

/// The mappings in force, ready to apply: an immutable snapshot that a reload replaces as a whole.
struct MappingSet {
  /// A mapping `from: export`: the schema that Mem0 fills, and the applier of the answer.
  struct Export {
    std::shared_ptr<const Applier> applier;
    nlohmann::json schema;  ///< mappings::ExportSchema() of the mapping and its target
  };
  /// One target of a project with its mappings, by their kind.
  struct Target {
    std::string name;                ///< as in `targets:`
    std::optional<std::string> dsn;  ///< nothing: the state database, so that one transaction covers rows and queue
    std::vector<std::shared_ptr<const Applier>> appliers;  ///< `from: memory`
    std::vector<Export> exports;                           ///< `from: export`
    std::vector<std::shared_ptr<const Applier>> events;    ///< `from: event`
  };
  /// One project's targets.
  struct Project {
    std::vector<Target> targets;
    /// Digest over every mapping's digest. The mirror stores it to tell whether a memory was applied by these mappings.
    std::string digest;
    /// Digest over the mappings and what is known of their tables: over everything that decides whether a memory can be applied.
    /// Empty: the same as `digest`.
    std::string edition{};
    bool CountsEvents() const;
  };
  std::map<ProjectId, Project> projects;

  /// Returns the project's mappings; no targets for a project that is not configured.
  const Project& Of(const ProjectId& project) const;
};

/// Returns the mappings in force at this moment, never null. Thread-safe.
using MappingsInForce = std::function<std::shared_ptr<const MappingSet>()>;

}  // namespace membridge::sync
