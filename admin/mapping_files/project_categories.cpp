#include "admin/mapping_files/project_categories.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "admin/runtime/mem0_clients.hpp"
#include "mappings/check/category_use.hpp"
#include "sync/mem0/api_operations.hpp"
#include "sync/mem0/api_requests.hpp"

namespace membridge::admin {
namespace {

using mappings::CategoryUse;

/// Mem0's own categories, for projects without.
const std::vector<std::string>& Mem0sCategories() {
  static const std::vector<std::string> kCategories{"personal_details",
                                                    "family",
                                                    "professional_details",
                                                    "sports",
                                                    "travel",
                                                    "food",
                                                    "music",
                                                    "health",
                                                    "technology",
                                                    "hobbies",
                                                    "fashion",
                                                    "entertainment",
                                                    "milestones",
                                                    "user_preferences",
                                                    "misc"};
  return kCategories;
}

/// Returns the categories that Mem0 can give memories of the project; nothing when it cannot be asked.
std::optional<std::vector<std::string>> CategoriesAtMem0(const ProjectConfig& project, sync::postgres::Session& state) {
  auto client = ClientForCommand(project, state, 1, std::chrono::seconds{10});
  const auto* show = sync::mem0::FindApiOperation("project", "show");
  const auto shown = client.Perform(*show, {{"project_id", sync::mem0::kOwn}});
  if (!shown || !shown->is_object()) return std::nullopt;
  const auto own = shown->value("custom_categories", nlohmann::ordered_json());
  std::vector<std::string> names;
  for (const auto& category : own.is_array() ? own : nlohmann::ordered_json::array()) {
    if (!category.is_object()) continue;
    for (const auto& [name, ignored] : category.items()) names.push_back(name);
  }
  return names.empty() ? Mem0sCategories() : names;
}

void WarnIn(const mappings::Mapping& mapping, const std::string& project, const std::vector<std::string>& known,
            mappings::Diagnostics& problems) {
  for (const CategoryUse& use : CategoriesIn(mapping)) {
    if (std::find(known.begin(), known.end(), use.category) != known.end()) continue;
    problems.Warn(use.place,
                  fmt::format("no memory of project {} gets the category '{}'{}; it has {}; membridge mem0 project update "
                              "--custom-categories sets others",
                              project, use.category, mappings::DidYouMean(use.category, known), fmt::join(known, ", ")));
  }
}

}  // namespace

void WarnOfUnknownCategories(const Config& config, const Databases& databases, const std::vector<ConfiguredMapping>& configured,
                             mappings::Diagnostics& problems) {
  const auto uses_categories = [](const ConfiguredMapping& each) { return !CategoriesIn(*each.mapping).empty(); };
  if (std::none_of(configured.begin(), configured.end(), uses_categories)) return;
  try {
    sync::postgres::Session state{databases.StateDsn(), "membridge check"};
    for (const ProjectConfig& project : config.projects) {
      if (project.source) continue;  // an application gives its own categories, as it likes
      const auto known = CategoriesAtMem0(project, state);
      if (!known) continue;
      for (const ConfiguredMapping& each : configured) {
        if (!each.project || *each.project == project.id) WarnIn(*each.mapping, project.id.Text(), *known, problems);
      }
    }
  } catch (const sync::postgres::SqlFailure&) {
    // The databases are checked, and told of, elsewhere.
  }
}

}  // namespace membridge::admin
