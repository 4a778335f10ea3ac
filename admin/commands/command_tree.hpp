#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace membridge::admin {

/// An option as completions and man pages show it.
struct DescribedOption {
  std::string name;   ///< `--project`; of a positional argument its name alone: `group`
  std::string value;  ///< `TEXT`, empty for a flag
  std::string text;
  std::string otherwise;  ///< what counts when it is not given; empty: nothing does
  bool positional = false;
  bool required = false;
};

/// A command with everything that stands below it, as the program itself knows them.
struct DescribedCommand {
  std::vector<std::string> path;  ///< {"deliveries", "list"}; empty for the program
  std::string text;
  std::vector<DescribedOption> options;
  std::vector<DescribedCommand> commands;
};

DescribedCommand Describe(const CLI::App& app, const std::vector<std::string>& path = {});

/// Calls `visit` for the command and for each below it, parents first.
template <class Visit>
void ForEachCommand(const DescribedCommand& command, const Visit& visit) {
  visit(command);
  for (const DescribedCommand& inner : command.commands) ForEachCommand(inner, visit);
}

/// The commands of this one by name, with their texts.
std::string JoinedPath(const DescribedCommand& command, const char* between = " ");

}  // namespace membridge::admin
