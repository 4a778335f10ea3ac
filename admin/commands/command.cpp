#include "admin/commands/command.hpp"

#include <CLI/CLI.hpp>

#include "admin/access/audit_seals.hpp"

namespace membridge::admin {

std::shared_ptr<CommonOptions> AddConfigOption(CLI::App& command) {
  auto options = std::make_shared<CommonOptions>();
  command.add_option("--config", options->config, "The configuration file")->capture_default_str();
  return options;
}

std::shared_ptr<CommonOptions> AddConfigAndJsonOptions(CLI::App& command) {
  auto options = AddConfigOption(command);
  command.add_flag("--json", options->json, "Print JSON instead of text");
  return options;
}

std::optional<Config> ConfigOrProblems(const std::string& file, Console& console) {
  mappings::Diagnostics problems;
  auto config = LoadConfig(file, console.environment, problems);
  PrintProblems(problems, console);
  if (config) SealAuditWith(config->audit_keys);
  return config;
}

}  // namespace membridge::admin
