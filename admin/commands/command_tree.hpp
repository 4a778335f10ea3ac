#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace membridge::admin {

/// An option as completions and man pages show it.
struct DescribedOption {
  std::string name;   ///< `--project`; for a positional argument only its name: `group`
  std::string value;  ///< `TEXT`, empty for a flag
  std::string text;
  std::string otherwise;  ///< the default; empty: there is none
  bool positional = false;
  bool required = false;
};

/// A command with its options and all commands below it, taken from the parser.
struct DescribedCommand {
  std::vector<std::string> path;  ///< {"deliveries", "list"}; empty for the program
  std::string text;
  std::vector<DescribedOption> options;
  std::vector<DescribedCommand> commands;
};

/// Describes a command and all commands below it. `path` has the words that lead to it.
DescribedCommand Describe(const CLI::App& app, const std::vector<std::string>& path = {});

/// Calls `visit` for the command and for all commands below it, parents first.
template <class Visit>
void ForEachCommand(const DescribedCommand& command, const Visit& visit) {
  visit(command);
  for (const DescribedCommand& inner : command.commands) ForEachCommand(inner, visit);
}

/// Returns the words of the command's path, joined with `between`: `deliveries list`.
std::string JoinedPath(const DescribedCommand& command, const char* between = " ");

}  // namespace membridge::admin
