#include "admin/serve/serve.hpp"

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"

namespace membridge::admin {

void AddServe(CLI::App& app, Choice& choice) {
  CLI::App* command = app.add_subcommand("serve", "Receive deliveries and keep the target tables, until told to stop");
  const auto options = AddConfigOption(*command);
  command->callback([options, &choice] {
    choice = [options](Console& console) {
      BlockSignals();  // before the first thread starts
      const auto config = ConfigOrProblems(options->config, console);
      return config ? Serve(*config, console) : kBadUsage;
    };
  });
}

}  // namespace membridge::admin
