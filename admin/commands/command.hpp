#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "admin/config/config.hpp"
#include "admin/shown/console.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's
class App;
}

namespace membridge::admin {

/// Set by the command that the user chose. It is run after the whole line has been read.
using Choice = std::function<int(Console&)>;

// One function per command, each in a file of its own. It adds the command and its options and runs nothing.
void AddAudit(CLI::App& app, Choice& choice);
void AddBackfill(CLI::App& app, Choice& choice);
void AddBackfillRun(CLI::App& group, Choice& choice);  ///< `run`, of the group `backfill`
void AddCatalog(CLI::App& app, Choice& choice);
void AddAbout(CLI::App& app, Choice& choice);  ///< `help` and `version`
void AddCheck(CLI::App& app, Choice& choice);
void AddCompletion(CLI::App& app, Choice& choice);
void AddConfig(CLI::App& app, Choice& choice);
void AddDeliveries(CLI::App& app, Choice& choice);
void AddDev(CLI::App& app, Choice& choice);
void AddDoctor(CLI::App& app, Choice& choice);
void AddErase(CLI::App& app, Choice& choice);
void AddFields(CLI::App& app, Choice& choice);
void AddInit(CLI::App& app, Choice& choice);
void AddKept(CLI::App& app, Choice& choice);
void AddMan(CLI::App& app, Choice& choice);
void AddMem0(CLI::App& app, Choice& choice);
void AddMigrate(CLI::App& app, Choice& choice);
void AddParked(CLI::App& app, Choice& choice);
void AddPlan(CLI::App& app, Choice& choice);
void AddProjects(CLI::App& app, Choice& choice);
void AddFeeds(CLI::App& app, Choice& choice);
void AddTargets(CLI::App& app, Choice& choice);
void AddReproject(CLI::App& app, Choice& choice);
void AddSchema(CLI::App& app, Choice& choice);
void AddSource(CLI::App& app, Choice& choice);
void AddServe(CLI::App& app, Choice& choice);
void AddStatus(CLI::App& app, Choice& choice);
void AddSweep(CLI::App& app, Choice& choice);
void AddTail(CLI::App& app, Choice& choice);
void AddTest(CLI::App& app, Choice& choice);
void AddTokens(CLI::App& app, Choice& choice);
void AddWebhooks(CLI::App& app, Choice& choice);
void AddWhy(CLI::App& app, Choice& choice);

/// The options of many commands.
struct CommonOptions {
  std::string config = "membridge.yaml";
  bool json = false;
};
std::shared_ptr<CommonOptions> AddConfigOption(CLI::App& command);
std::shared_ptr<CommonOptions> AddConfigAndJsonOptions(CLI::App& command);

/// Loads the configuration and prints its warnings. When it has errors, prints all of them and returns nothing.
std::optional<Config> ConfigOrProblems(const std::string& file, Console& console);

/// Adds every command of the program.
void AddCommands(CLI::App& app, Choice& choice);

/// Reads a command line, runs its command and returns the exit status (ExitStatus). Never throws.
int RunCommandLine(int argc, const char* const* argv, Console& console);

}  // namespace membridge::admin
