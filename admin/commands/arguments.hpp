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

/// A command line as the parser wants it: the program's name left out, and what may stand anywhere moved to where its command
/// looks for it.
struct Arguments {
  std::vector<std::string> words;
  bool json = false;  ///< --json was given, whether or not the command knows it
};

/// Reads a line. `--config F` and `--json` may stand anywhere; without --config, MEMBRIDGE_CONFIG counts; `help COMMAND` becomes
/// `COMMAND --help`. `app` holds every command.
Arguments ReadArguments(const CLI::App& app, int argc, const char* const* argv, const Environment& environment);

/// The error when a word stands where the name of a command is due and there is none of that name; nothing else is looked at.
std::optional<Error> WrongCommand(const CLI::App& app, const std::vector<std::string>& words);

/// Says what is wrong with a line that the parser refused, and what the user may have meant.
Error ExplainUsage(const CLI::App& app, const std::vector<std::string>& words, const CLI::Error& refusal);

}  // namespace membridge::admin
