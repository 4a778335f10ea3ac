#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "admin/commands/command.hpp"
#include "admin/runtime/databases.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {

/// An exit status, after it was said, when a database lacks migrations; nothing: all is there.
std::optional<int> RefuseUnmigrated(const Config& config, const Databases& databases, Console& console);

/// Opens the configured state database and runs `work` on a session there. Prints what goes wrong.
int WithState(const std::string& config_file, Console& console,
              const std::function<int(const Config&, sync::postgres::Session&)>& work);

/// An error in what the user asked for.
int PrintUsageError(const Error& error, Console& console);

/// What is run when the user chose the command: `run` with the options and a session. Options has a member `common`.
template <class Options>
Choice OnState(std::shared_ptr<Options> options, int (*run)(const Options&, sync::postgres::Session&, Console&)) {
  return [options, run](Console& console) {
    return WithState(options->common->config, console,
                     [&](const Config&, sync::postgres::Session& session) { return run(*options, session, console); });
  };
}
/// The same for one that also wants the configuration.
template <class Options>
Choice OnState(std::shared_ptr<Options> options, int (*run)(const Options&, const Config&, sync::postgres::Session&, Console&)) {
  return [options, run](Console& console) {
    return WithState(options->common->config, console, [&](const Config& config, sync::postgres::Session& session) {
      return run(*options, config, session, console);
    });
  };
}

}  // namespace membridge::admin
