#include "sync/worker/mapping_set.hpp"

#include <algorithm>

namespace membridge::sync {

bool MappingSet::Project::CountsEvents() const {
  return std::any_of(targets.begin(), targets.end(), [](const Target& target) { return !target.events.empty(); });
}

const MappingSet::Project& MappingSet::Of(const ProjectId& project) const {
  static const Project kNone;
  const auto found = projects.find(project);
  return found == projects.end() ? kNone : found->second;
}

}  // namespace membridge::sync
