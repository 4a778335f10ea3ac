#include "admin/serve/serve.hpp"

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include "admin/mapping_files/live_mappings.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/http_look.hpp"
#include "admin/runtime/surroundings.hpp"
#include "admin/serve/running.hpp"
#include "admin/serve/service_manager.hpp"
#include "mappings/base/log_level.hpp"

namespace membridge::admin {
namespace {

/// Returns the signals that end the process, and SIGHUP, which loads the mappings again.
sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGHUP);
  return signals;
}

/// A working process answers /healthz within this time.
constexpr std::chrono::seconds kHealthPatience{5};

/// Loads and checks the mappings. Returns nothing when something is wrong; every problem was printed.
std::optional<CheckedMappings> PrepareMappings(const Config& config, const Databases& databases, Console& console) {
  mappings::Diagnostics problems;
  auto checked = LoadAndCheck(config, databases, problems);
  PrintProblems(problems, console);
  if (checked) return std::move(*checked);
  PrintError(checked.error(), console);
  return std::nullopt;
}

}  // namespace

void BlockSignals() {
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

int Serve(const Config& config, const ServeRoles& roles, Console& console) {
  LogFrom(LogLevel::kInfo);
  if (!roles.All() && !config.database) {
    PrintError({ErrorCode::kRefused,
                "--only needs a database that the other processes reach, and `database: embedded` is one process's own",
                "name a PostgreSQL server in `database`, or run serve without --only"},
               console);
    return kBadUsage;
  }
  ServiceManager manager{console.environment};
  auto databases = Databases::Open(config, Databases::Use::kServe);
  if (!databases) return PrintError(databases.error(), console);
  mappings::Diagnostics around;
  const bool can_work = Tell(LookAtDatabases(config, *databases), around);
  if (!can_work) {
    PrintProblems(around, console);
    return kFoundProblems;
  }
  const auto migrated = MigrateAll(config, *databases);
  if (!migrated) return PrintError(migrated.error(), console);
  for (const auto& step : *migrated) Log(LogLevel::kInfo, "migrated", {{"database", step.database}, {"migration", step.name}});
  auto mappings = PrepareMappings(config, *databases, console);
  if (!mappings) return kBadUsage;

  std::unique_ptr<Running> running;
  try {
    running = std::make_unique<Running>(config, *databases, std::move(*mappings), roles);
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("starting"), console);
  } catch (const std::runtime_error& failure) {
    return PrintError({ErrorCode::kUnavailable, failure.what(), "is the address free, and may this process listen on it?"},
                      console);
  }
  manager.Ready([url = running->HealthUrl()] { return LookAt(url, kHealthPatience).status == 200; });
  const sigset_t signals = OurSignals();
  int signal = 0;
  for (sigwait(&signals, &signal); signal == SIGHUP; sigwait(&signals, &signal)) running->Reload();
  Log(LogLevel::kInfo, "stopping", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  manager.Stopping();
  if (!running->Stop()) {
    // The work that hangs holds only claims, which are free again when their lease ends.
    Log(LogLevel::kError, "stopped_hard", {{"reason", "a worker did not finish within soft_stop"}});
    std::fflush(nullptr);
    std::_Exit(kDone);
  }
  running.reset();
  Log(LogLevel::kInfo, "stopped");
  return kDone;
}

}  // namespace membridge::admin
