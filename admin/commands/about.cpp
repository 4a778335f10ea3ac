#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "mappings/base/version.hpp"

namespace membridge::admin {

void AddAbout(CLI::App& app, Choice& choice) {
  // ReadArguments() turns `help COMMAND` into `COMMAND --help`; the command is added here for the lists of commands.
  CLI::App* help = app.add_subcommand("help", "Show the help of a command: membridge help deliveries list");
  help->callback([&app, &choice] {
    choice = [&app](Console& console) {
      fmt::print(console.out, "{}", app.help());
      return kDone;
    };
  });
  auto json = std::make_shared<bool>(false);
  CLI::App* version = app.add_subcommand("version", "Print the version");
  version->add_flag("--json", *json, "Print JSON instead of text");
  version->callback([json, &choice] {
    choice = [json](Console& console) {
      if (*json)
        fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"version", kVersion}}.dump());
      else
        fmt::print(console.out, "membridge {}\n", kVersion);
      return kDone;
    };
  });
}

}  // namespace membridge::admin
