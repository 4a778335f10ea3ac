#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/runtime/databases.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

int WriteCatalog(const std::string& config_file, const std::string& target_name, Console& console) {
  const auto config = ConfigOrProblems(config_file, console);
  if (!config) return kBadUsage;
  const TargetConfig* target = config->FindTarget(target_name);
  if (target == nullptr) {
    fmt::print(console.err, "error: no target \"{}\" in the configuration\n", target_name);
    return kBadUsage;
  }
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  try {
    sync::postgres::Session session{databases->DsnOf(*target), "membridge catalog"};
    const auto catalog = sync::ReadCatalog(session);
    if (!catalog) return PrintError(catalog.error(), console);
    fmt::print(console.out, "{}\n", catalog->ToJson().dump(2));
    return kDone;
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("target " + target_name), console);
  }
}

}  // namespace

void AddCatalog(CLI::App& app, Choice& choice) {
  CLI::App* command = app.add_subcommand("catalog", "Print what a target database says of its tables, for check --offline FILE");
  const auto options = AddConfigOption(*command);
  auto target = std::make_shared<std::string>("default");
  command->add_option("--target", *target, "Which target of the configuration")->capture_default_str();
  command->callback([options, target, &choice] {
    choice = [options, target](Console& console) { return WriteCatalog(options->config, *target, console); };
  });
}

}  // namespace membridge::admin
