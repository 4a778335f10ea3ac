#include "admin/serve/serve.hpp"

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "admin/commands/command.hpp"

namespace membridge::admin {

void AddServe(CLI::App& app, Choice& choice) {
  CLI::App* command =
      app.add_subcommand("serve", "Receive deliveries and keep the target tables up to date, until it is told to stop");
  const auto options = AddConfigOption(*command);
  const auto only = std::make_shared<std::vector<std::string>>();
  command
      ->add_option("--only", *only,
                   "Do only these parts here, separated by commas; another process on the same database does the rest")
      ->delimiter(',')
      ->check(CLI::IsMember(ServeRoles::AllNames()));
  command->callback([options, only, &choice] {
    choice = [options, only](Console& console) {
      BlockSignals();  // before the first thread starts
      const auto config = ConfigOrProblems(options->config, console);
      return config ? Serve(*config, ServeRoles::Only(*only), console) : kBadUsage;
    };
  });
}

}  // namespace membridge::admin
