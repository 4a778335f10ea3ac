#include "sync/backfill/export_use.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "mappings/base/digest.hpp"

namespace membridge::sync {
namespace {

constexpr std::string_view kInstructions =
    "Fill every property from what the memories say. Where they contradict each other, the newest one counts. "
    "Use null for what they do not say; never guess.";

}  // namespace

Result<ExportUse> ExportUse::Of(const Run& run, std::shared_ptr<const MappingSet> set) {
  ExportUse use;
  use.set = std::move(set);
  const auto project = use.set->projects.find(run.project);
  if (project != use.set->projects.end()) {
    for (const MappingSet::Target& target : project->second.targets) {
      for (const MappingSet::Export& one : target.exports) {
        if (one.applier->Definition().name != run.options.mapping) continue;
        if (use.places.empty()) use.schema = one.schema;
        use.places.push_back({target.name, target.dsn, one.applier});
      }
    }
  }
  if (use.places.empty()) {
    return Fail(ErrorCode::kBadMapping,
                fmt::format("project {} has no mapping \"{}\" with `from: export`", run.project.Text(), run.options.mapping),
                "name one under `mappings:`, or correct `export:` of the backfill");
  }
  use.instructions = run.options.instructions.empty() ? std::string{kInstructions} : run.options.instructions;
  use.asked =
      mappings::Sha256Hex(use.schema.dump() + '\n' + use.instructions + '\n' + use.places.front().applier->Definition().digest);
  return use;
}

Result<void> ExportUse::AskLedgers(TiedSessions& sessions) {
  for (ExportPlace& place : places) {
    postgres::Session& state = sessions.State();
    const auto& admitted = sessions.Ties().Renew(state, sessions.Target(place.dsn), place.target);
    if (!admitted) return tl::unexpected<Error>(admitted.error());
    place.admission = *admitted;
  }
  return {};
}

}  // namespace membridge::sync
