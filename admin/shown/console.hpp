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
  kFoundProblems = 1,  ///< the work found problems or could not be finished, or the database or Mem0 has problems
  kBadUsage = 2,       ///< the command line or the configuration is wrong; nothing was done
  kWouldChange = 3,    ///< `plan` only
};

/// Where a command prints, and the environment it reads. References outlive the command.
struct Console {
  std::ostream& out;  ///< data, and nothing else
  std::ostream& err;  ///< problems and progress
  const Environment& environment;
  bool coloured = false;             ///< `out` is a terminal and NO_COLOR is not set
  bool json = false;                 ///< --json was given: an error is also printed as JSON on `out`
  nlohmann::ordered_json failure{};  ///< the error for --json; RunCommandLine() prints it at the end
};

/// Prints the problems, one per line, and below them their number when one is an error.
void PrintProblems(const mappings::Diagnostics& problems, Console& console);

/// Returns the problems as sorted JSON: `[{"file","line","column","severity","message"}]`.
nlohmann::ordered_json ViewOf(const mappings::Diagnostics& problems);

/// `what; how to fix it`
std::string TextOf(const Error& error);

/// `1 memory`, `2 memories`
std::string Counted(std::size_t count, std::string_view one, std::string_view many);

/// Prints `error: what; how to fix it`, and with --json `{"error":{"code","message","hint"}}` at the end. Returns kFoundProblems.
int PrintError(const Error& error, Console& console);

}  // namespace membridge::admin
