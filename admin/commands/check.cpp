#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <fstream>

#include "admin/commands/command.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/mapping_files/target_catalogs.hpp"
#include "admin/runtime/databases.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::admin {
namespace {

struct CheckOptions {
  std::shared_ptr<CommonOptions> common;
  bool offline = false;
  std::string catalog_file;
};

using Catalogs = std::map<std::string, mappings::Catalog>;

/// A saved catalog stands for every target. Nothing when it cannot be read, which is told in `problems`.
Catalogs SavedCatalogs(const Config& config, const std::string& file, mappings::Diagnostics& problems) {
  std::ifstream stream{file};
  const auto json = nlohmann::json::parse(stream, nullptr, false);
  if (!stream || json.is_discarded()) {
    problems.Error({file, 0, 0}, "cannot be read as JSON; it must be a saved catalog");
    return {};
  }
  const auto catalog = mappings::Catalog::FromJson(json);
  if (!catalog) {
    problems.Error({file, 0, 0}, catalog.error().message);
    return {};
  }
  Catalogs catalogs;
  for (const auto& target : config.targets) catalogs.emplace(target.name, *catalog);
  return catalogs;
}

/// What only the databases and Mem0 know: errors that belong to no line of a file stand at the configuration as a whole.
Catalogs AskOutside(const Config& config, const std::vector<ConfiguredMapping>& configured, mappings::Diagnostics& problems) {
  const auto tell = [&](const Error& error) {
    problems.Error({config.file, 0, 0}, error.hint.empty() ? error.message : error.message + "; " + error.hint);
  };
  for (const auto& project : config.projects) {
    sync::mem0::Client::Options options;
    options.base_url = project.base_url;
    options.api_key = project.api_key;
    sync::mem0::Client client{std::move(options), std::make_shared<sync::mem0::CallBudget>()};
    if (const auto account = client.Ping(); !account) {
      tell(Within(account.error(), fmt::format("project \"{}\"", project.id.Text())).value());
    }
  }
  auto databases = Databases::Open(config, Databases::Use::kCommand);
  if (!databases) {
    tell(databases.error());
    return {};
  }
  const auto pending = PendingOfAll(config, *databases);
  if (!pending) {
    tell(pending.error());
    return {};
  }
  if (!pending->empty()) {
    problems.Warn({config.file, 0, 0},
                  fmt::format("{} migrations wait; serve applies them, or run membridge migrate", pending->size()));
  }
  auto catalogs = ReadCatalogs(config, *databases, configured);
  if (!catalogs) {
    tell(catalogs.error());
    return {};
  }
  if (const auto asked = CheckTargetRights(config, *databases, configured, *catalogs, problems); !asked) tell(asked.error());
  return std::move(*catalogs);
}

nlohmann::ordered_json AsJson(const mappings::Diagnostics& problems) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const auto& problem : problems.Sorted()) {
    list.push_back({{"file", problem.place.file},
                    {"line", problem.place.line},
                    {"column", problem.place.column},
                    {"severity", problem.severity == mappings::Severity::kError ? "error" : "warning"},
                    {"message", problem.message}});
  }
  return {{"ok", !problems.HasErrors()}, {"problems", std::move(list)}};
}

int CheckEverything(const CheckOptions& options, Console& console) {
  mappings::Diagnostics problems;
  std::size_t mapping_count = 0;
  if (const auto config = LoadConfig(options.common->config, console.environment, problems)) {
    const auto configured = LoadMappings(*config, problems);
    mapping_count = configured.size();
    Catalogs catalogs;
    if (!options.catalog_file.empty()) {
      catalogs = SavedCatalogs(*config, options.catalog_file, problems);
    } else if (!options.offline) {
      catalogs = AskOutside(*config, configured, problems);
    }
    CheckMappings(configured, catalogs, problems);
  }
  if (options.common->json) {
    fmt::print(console.out, "{}\n", AsJson(problems).dump(2));
  } else {
    PrintProblems(problems, console);
    if (!problems.HasErrors())
      fmt::print(console.out, "{}: right, with {} mapping{}\n", options.common->config, mapping_count,
                 mapping_count == 1 ? "" : "s");
  }
  return problems.HasErrors() ? kBadUsage : kDone;
}

}  // namespace

void AddCheck(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<CheckOptions>();
  CLI::App* command =
      app.add_subcommand("check", "Check configuration, mappings, target tables and Mem0 keys; tell every problem at once");
  options->common = AddConfigAndJsonOptions(*command);
  command
      ->add_option_function<std::vector<std::string>>(
          "--offline",
          [options](const std::vector<std::string>& given) {
            options->offline = true;
            if (!given.empty() && given[0] != "true") options->catalog_file = given[0];
          },
          "Ask neither databases nor Mem0; FILE is a saved catalog that stands for every target")
      ->expected(0, 1)
      ->type_name("[FILE]");
  command->callback([options, &choice] { choice = [options](Console& console) { return CheckEverything(*options, console); }; });
}

}  // namespace membridge::admin
