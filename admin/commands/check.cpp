#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>

#include "admin/commands/command.hpp"
#include "admin/mapping_files/configured_mappings.hpp"
#include "admin/mapping_files/project_categories.hpp"
#include "admin/mapping_files/target_catalogs.hpp"
#include "admin/runtime/databases.hpp"
#include "admin/runtime/ledgers.hpp"
#include "admin/runtime/surroundings.hpp"

namespace membridge::admin {
namespace {

struct CheckOptions {
  std::shared_ptr<CommonOptions> common;
  bool offline = false;
  bool deny_warnings = false;
  std::string catalog_file;
};

using Catalogs = std::map<std::string, mappings::Catalog>;

/// Reads a saved catalog and uses it for every target. Returns nothing when it cannot be read, which is added to `problems`.
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

/// Checks what needs the databases and Mem0. Reads no tables when a database has problems.
Catalogs AskOutside(const Config& config, const std::vector<ConfiguredMapping>& configured, mappings::Diagnostics& around) {
  auto databases = Databases::Open(config, Databases::Use::kCommand);
  Tell(LookAtMem0(config, databases ? &*databases : nullptr), around);
  if (!databases) {
    around.Error(config.database_place, TextOf(databases.error()));
    return {};
  }
  if (!Tell(LookAtDatabases(config, *databases), around)) return {};
  WarnOfUnknownCategories(config, *databases, configured, around);
  Tell(ForeignLedgers(config, *databases), around);
  auto catalogs = ReadCatalogs(config, *databases, configured);
  if (!catalogs) {
    around.Error(config.database_place, TextOf(catalogs.error()));
    return {};
  }
  if (const auto asked = CheckTargetRights(config, *databases, configured, *catalogs, around); !asked) {
    around.Error(config.database_place, TextOf(asked.error()));
  }
  return std::move(*catalogs);
}

bool HasWarnings(const mappings::Diagnostics& problems) {
  const auto all = problems.Sorted();
  return std::any_of(all.begin(), all.end(), [](const auto& one) { return one.severity == mappings::Severity::kWarning; });
}

int CheckEverything(const CheckOptions& options, Console& console) {
  mappings::Diagnostics problems;  // of the files
  mappings::Diagnostics around;    // about databases, rights and Mem0
  std::size_t mapping_count = 0;
  if (const auto config = LoadConfig(options.common->config, console.environment, problems)) {
    const auto configured = LoadMappings(*config, problems);
    mapping_count = configured.size();
    Catalogs catalogs;
    if (!options.catalog_file.empty()) {
      catalogs = SavedCatalogs(*config, options.catalog_file, problems);
    } else if (!options.offline) {
      catalogs = AskOutside(*config, configured, around);
    }
    CheckMappings(configured, catalogs, problems);
  }
  const auto wrong = [&](const mappings::Diagnostics& found) {
    return found.HasErrors() || (options.deny_warnings && HasWarnings(found));
  };
  const int status = wrong(problems) ? kBadUsage : wrong(around) ? kFoundProblems : kDone;
  problems.Append(around);
  if (options.common->json) {
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"ok", status == kDone}, {"problems", ViewOf(problems)}}.dump(2));
    return status;
  }
  PrintProblems(problems, console);
  if (status == kDone)
    fmt::print(console.out, "{}: right, with {}\n", options.common->config, Counted(mapping_count, "mapping", "mappings"));
  else if (!problems.HasErrors())
    fmt::print(console.err, "warnings count as errors with --deny-warnings\n");
  return status;
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
  command->add_flag("--deny-warnings", options->deny_warnings, "Count warnings as errors: for a pipeline");
  command->callback([options, &choice] { choice = [options](Console& console) { return CheckEverything(*options, console); }; });
}

}  // namespace membridge::admin
