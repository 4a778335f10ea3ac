#pragma once

#include <optional>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "mappings/base/result.hpp"

namespace CLI {
class App;
class Error;
}  // namespace CLI

namespace membridge::admin {

/// A command line in the form that the parser needs: without the program's name, and with the options that may be anywhere moved
/// to the place where their command reads them.
struct Arguments {
  std::vector<std::string> words;
  bool json = false;  ///< --json was given, even if the command does not know it
};

/// Reads a command line. `--config F` and `--json` may be anywhere. Without --config, MEMBRIDGE_CONFIG is used. `help COMMAND`
/// becomes `COMMAND --help`. `app` has all commands.
Arguments ReadArguments(const CLI::App& app, int argc, const char* const* argv, const Environment& environment);

/// Returns an error when a word is in the place of a command's name and there is no such command. Checks nothing else.
std::optional<Error> WrongCommand(const CLI::App& app, const std::vector<std::string>& words);

/// Explains why the parser refused a line, and what the user may have meant.
Error ExplainUsage(const CLI::App& app, const std::vector<std::string>& words, const CLI::Error& refusal);

}  // namespace membridge::admin
