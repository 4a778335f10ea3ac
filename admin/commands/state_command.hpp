#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"
#include "admin/runtime/databases.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// When a database lacks migrations, prints that and returns the exit status; else returns nothing.
std::optional<int> RefuseUnmigrated(const Config& config, const Databases& databases, Console& console);

/// Opens the configured state database and runs `work` with a session there. Prints errors and returns the exit status.
int WithState(const std::string& config_file, Console& console,
              const std::function<int(const Config&, sync::postgres::Session&)>& work);

/// Opens the configured databases, brings them to the newest migration and runs `work`. Prints errors and returns the exit
/// status.
int WithDatabases(const std::string& config_file, Console& console,
                  const std::function<int(const Config&, const Databases&)>& work);

/// Returns the project that `--project` names. kNotFound: the configuration has none of that name.
Result<const ProjectConfig*> NamedProject(const Config& config, const std::string& named);

/// Returns the projects that a command works on: the named one, or all of them when the name is empty. Errors as NamedProject.
Result<std::vector<const ProjectConfig*>> ProjectsMeant(const Config& config, const std::string& named);

/// Returns the project of that name; without a name the only one of the configuration. kNotFound: there is none of that name.
/// kRefused: no name was given, and there are several.
Result<ProjectId> ProjectMeant(const Config& config, const std::string& named);

/// Prints an error in the user's request and returns its exit status.
int PrintUsageError(const Error& error, Console& console);

/// Makes the Choice of a command: it calls `run` with the options and a session on the state database. Options has a member
/// `common`.
template <class Options>
Choice OnState(std::shared_ptr<Options> options, int (*run)(const Options&, sync::postgres::Session&, Console&)) {
  return [options, run](Console& console) {
    return WithState(options->common->config, console,
                     [&](const Config&, sync::postgres::Session& session) { return run(*options, session, console); });
  };
}
/// Makes the Choice of a command that works on all configured databases, migrated.
template <class Options>
Choice OnDatabases(std::shared_ptr<Options> options, int (*run)(const Config&, const Databases&, const Options&, Console&)) {
  return [options, run](Console& console) {
    return WithDatabases(options->common->config, console, [&](const Config& config, const Databases& databases) {
      return run(config, databases, *options, console);
    });
  };
}
/// Does the same as the first OnState() for a command that also needs the configuration.
template <class Options>
Choice OnState(std::shared_ptr<Options> options, int (*run)(const Options&, const Config&, sync::postgres::Session&, Console&)) {
  return [options, run](Console& console) {
    return WithState(options->common->config, console, [&](const Config& config, sync::postgres::Session& session) {
      return run(*options, config, session, console);
    });
  };
}

}  // namespace membridge::admin
