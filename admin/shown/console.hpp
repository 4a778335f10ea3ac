#pragma once

#include <cstddef>
#include <iosfwd>
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
};

/// Prints problems one a line, and under them how many there are when one is an error.
void PrintProblems(const mappings::Diagnostics& problems, Console& console);

/// `1 memory`, `2 memories`
std::string Counted(std::size_t count, std::string_view one, std::string_view many);

/// `error: what; how to fix it`. The status that goes with it: kFoundProblems.
int PrintError(const Error& error, Console& console);

}  // namespace membridge::admin
