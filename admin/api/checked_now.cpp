#include "admin/api/checked_now.hpp"

#include "admin/mapping_files/target_catalogs.hpp"

namespace membridge::admin::api {

using nlohmann::ordered_json;

tl::expected<Checked, Problem> Check(const Parts& parts) {
  Checked checked{parts.mappings(), {}};
  const auto catalogs = ReadCatalogs(parts.config, parts.databases, checked.Mappings());
  if (!catalogs) return Refuse(catalogs.error());
  CheckMappings(checked.Mappings(), *catalogs, checked.problems);
  return checked;
}

ordered_json ProblemsView(const mappings::Diagnostics& problems) {
  ordered_json view = ordered_json::array();
  for (const auto& problem : problems.Sorted()) {
    view.push_back({{"file", problem.place.file},
                    {"line", problem.place.line},
                    {"column", problem.place.column},
                    {"severity", problem.severity == mappings::Severity::kError ? "error" : "warning"},
                    {"message", problem.message}});
  }
  return view;
}

mappings::Diagnostics ProblemsIn(const std::string& file, const mappings::Diagnostics& problems) {
  mappings::Diagnostics own;
  for (const auto& problem : problems.Sorted()) {
    if (problem.place.file != file) continue;
    problem.severity == mappings::Severity::kError ? own.Error(problem.place, problem.message)
                                                   : own.Warn(problem.place, problem.message);
  }
  return own;
}

tl::expected<const ConfiguredMapping*, Problem> Choose(const Checked& checked, const std::string& name,
                                                       const std::optional<std::string>& project) {
  const ConfiguredMapping* chosen = nullptr;
  for (const ConfiguredMapping& each : checked.Mappings()) {
    if (each.mapping->name != name || (project && each.project && each.project->Text() != *project)) continue;
    if (chosen != nullptr) return RefuseField("project", "is needed: mappings of several projects have this name");
    chosen = &each;
  }
  if (chosen == nullptr)
    return Refuse(404, "not_found", "the configuration has no such mapping", "GET /api/v1/mappings lists them");
  return chosen;
}

}  // namespace membridge::admin::api
