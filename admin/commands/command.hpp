#pragma once

#include <cstddef>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "admin/config/config.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"

namespace CLI {
class App;
}

namespace membridge::admin {

/// What the process ends with. The numbers are a promise.
enum ExitStatus : int {
  kDone = 0,
  kFoundProblems = 1,  ///< the work was done and found something wrong, or could not be finished
  kBadUsage = 2,       ///< the command line or the configuration is wrong; nothing was done
  kWouldChange = 3,    ///< `plan` only
};

/// Whom a command speaks to.
struct Console {
  std::ostream& out;  ///< data, and nothing else
  std::ostream& err;  ///< problems and progress
  const Environment& environment;
};

/// Set by the command the user chose; run once the whole line has been understood.
using Choice = std::function<int(Console&)>;

// One function per command, each in a file of its own. They add the command and its options; nothing runs yet.
void AddAudit(CLI::App& app, Choice& choice);
void AddBackfill(CLI::App& app, Choice& choice);
void AddBackfillRun(CLI::App& group, Choice& choice);  ///< `run`, of the group `backfill`
void AddCatalog(CLI::App& app, Choice& choice);
void AddCheck(CLI::App& app, Choice& choice);
void AddDeliveries(CLI::App& app, Choice& choice);
void AddErase(CLI::App& app, Choice& choice);
void AddMigrate(CLI::App& app, Choice& choice);
void AddParked(CLI::App& app, Choice& choice);
void AddPlan(CLI::App& app, Choice& choice);
void AddReproject(CLI::App& app, Choice& choice);
void AddSchema(CLI::App& app, Choice& choice);
void AddServe(CLI::App& app, Choice& choice);
void AddSweep(CLI::App& app, Choice& choice);
void AddTest(CLI::App& app, Choice& choice);
void AddTokens(CLI::App& app, Choice& choice);
void AddWebhooks(CLI::App& app, Choice& choice);
void AddWhy(CLI::App& app, Choice& choice);

/// Options that many commands have.
struct CommonOptions {
  std::string config = "membridge.yaml";
  bool json = false;
};
std::shared_ptr<CommonOptions> AddConfigOption(CLI::App& command);
std::shared_ptr<CommonOptions> AddConfigAndJsonOptions(CLI::App& command);

/// The configuration; nothing after every problem in it has been printed. Warnings are printed either way.
std::optional<Config> ConfigOrProblems(const std::string& file, Console& console);

/// Prints problems one a line, and under them how many there are when one is an error.
void PrintProblems(const mappings::Diagnostics& problems, Console& console);

/// `1 memory`, `2 memories`
std::string Counted(std::size_t count, std::string_view one, std::string_view many);

/// `error: what; how to fix it`. The status that goes with it: kFoundProblems.
int PrintError(const Error& error, Console& console);

/// Understands a command line and runs what it asks for. Never throws.
int RunCommandLine(int argc, const char* const* argv, Console& console);

}  // namespace membridge::admin
