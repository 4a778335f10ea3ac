#include "admin/commands/state_command.hpp"

#include <fmt/format.h>

#include "admin/commands/command_audit.hpp"
#include "admin/runtime/databases.hpp"
#include "mappings/base/diagnostic.hpp"

namespace membridge::admin {

std::optional<int> RefuseUnmigrated(const Config& config, const Databases& databases, Console& console) {
  const auto pending = PendingOfAll(config, databases);
  if (!pending) return PrintError(pending.error(), console);
  if (pending->empty()) return std::nullopt;
  return PrintError({ErrorCode::kRefused, "the database is not migrated", "run membridge migrate"}, console);
}

int WithState(const std::string& config_file, Console& console,
              const std::function<int(const Config&, sync::postgres::Session&)>& work) {
  const auto config = ConfigOrProblems(config_file, console);
  if (!config) return kBadUsage;
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  if (const auto refused = RefuseUnmigrated(*config, *databases, console)) return *refused;
  try {
    sync::postgres::Session session{databases->StateDsn(), "membridge command"};
    return work(*config, session);
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("the state database"), console);
  }
}

int WithDatabases(const std::string& config_file, Console& console,
                  const std::function<int(const Config&, const Databases&)>& work) {
  const auto config = ConfigOrProblems(config_file, console);
  if (!config) return kBadUsage;
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  if (const auto migrated = MigrateAndNote(*config, *databases, console); !migrated) return PrintError(migrated.error(), console);
  return work(*config, *databases);
}

Result<const ProjectConfig*> NamedProject(const Config& config, const std::string& named) {
  if (const ProjectConfig* project = config.FindProject(ProjectId{named})) return project;
  std::vector<std::string> names;
  for (const ProjectConfig& project : config.projects) names.push_back(project.id.Text());
  return Fail(ErrorCode::kNotFound,
              fmt::format("the configuration has no project \"{}\"{}", named, mappings::DidYouMean(named, names)),
              "membridge projects list names them");
}

Result<std::vector<const ProjectConfig*>> ProjectsMeant(const Config& config, const std::string& named) {
  std::vector<const ProjectConfig*> meant;
  if (named.empty()) {
    for (const ProjectConfig& project : config.projects) meant.push_back(&project);
    return meant;
  }
  const auto project = NamedProject(config, named);
  if (!project) return tl::unexpected<Error>(project.error());
  meant.push_back(*project);
  return meant;
}

Result<ProjectId> ProjectMeant(const Config& config, const std::string& named) {
  if (!named.empty()) {
    const auto project = NamedProject(config, named);
    if (!project) return tl::unexpected<Error>(project.error());
    return (*project)->id;
  }
  if (config.projects.size() == 1) return config.projects.front().id;
  return Fail(ErrorCode::kRefused, "the configuration has several projects", "say which with --project");
}

int PrintUsageError(const Error& error, Console& console) {
  PrintError(error, console);
  return kBadUsage;
}

}  // namespace membridge::admin
