#pragma once

#include <cstddef>
#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "admin/config/config.hpp"
#include "mappings/base/diagnostic.hpp"
#include "mappings/base/result.hpp"

namespace membridge::admin {

/// The exit status of the process. Scripts depend on the numbers: they never change.
enum ExitStatus : int {
  kDone = 0,
  kFoundProblems = 1,  ///< the work found problems or could not be finished, or its surroundings (database, Mem0) have them
  kBadUsage = 2,       ///< the command line or the configuration is wrong; nothing was done
  kWouldChange = 3,    ///< `plan` only
};

/// Where a command prints, and the environment it reads. References outlive the command.
struct Console {
  std::ostream& out;  ///< data, and nothing else
  std::ostream& err;  ///< problems and progress
  const Environment& environment;
  bool coloured = false;             ///< `out` is a terminal and NO_COLOR is not set
  bool json = false;                 ///< --json was given: an error is told as JSON on `out`, too
  nlohmann::ordered_json failure{};  ///< what went wrong, for that; RunCommandLine() prints it at the end
};

/// Prints problems one a line, and under them how many there are when one is an error.
void PrintProblems(const mappings::Diagnostics& problems, Console& console);

/// The problems as JSON lists them: `[{"file","line","column","severity","message"}]`, sorted.
nlohmann::ordered_json ViewOf(const mappings::Diagnostics& problems);

/// `what; how to fix it`
std::string TextOf(const Error& error);

/// `1 memory`, `2 memories`
std::string Counted(std::size_t count, std::string_view one, std::string_view many);

/// Prints `error: what; how to fix it`, and with --json `{"error":{"code","message","hint"}}` at the end. Returns the status that
/// goes with it: kFoundProblems.
int PrintError(const Error& error, Console& console);

}  // namespace membridge::admin
