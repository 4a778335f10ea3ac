#include "sync/explain/why.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <optional>

#include "admin/commands/command.hpp"
#include "admin/commands/prepared.hpp"
#include "mappings/base/exact_json.hpp"

namespace membridge::admin {
namespace {

struct WhyOptions {
  std::shared_ptr<CommonOptions> common;
  std::string table;
  std::string key;
  std::string column;
  std::string target;
};

int Explain(const WhyOptions& options, Console& console) {
  const auto prepared = Prepare(options.common->config, {}, console);
  if (!prepared) return prepared.error();
  std::vector<std::shared_ptr<const mappings::Mapping>> all;
  for (const ConfiguredMapping& configured : prepared->mappings) all.push_back(configured.mapping);
  const auto column = options.column.empty() ? std::nullopt : std::optional{options.column};
  Error last{ErrorCode::kNotFound, "no mapping writes to any table", "list mapping files under `mappings:`"};
  try {
    sync::postgres::Session state{prepared->databases.StateDsn(), "membridge why"};
    for (const auto& [name, catalog] : prepared->catalogs) {
      if (!options.target.empty() && options.target != name) continue;
      sync::postgres::Session target{prepared->databases.DsnOf(*prepared->config.FindTarget(name)), "membridge why",
                                     sync::postgres::SearchPath::kRoles};
      const auto history = sync::Why(target, state, catalog, all, options.table, options.key, column);
      if (!history) {
        last = history.error();
        continue;
      }
      if (options.common->json)
        fmt::print(console.out, "{}\n", mappings::ExactText(sync::WhyJson(*history), 2));
      else
        fmt::print(console.out, "{}", sync::WhyText(*history));
      return kDone;
    }
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("looking"), console);
  }
  return PrintError(last, console);
}

}  // namespace

void AddWhy(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<WhyOptions>();
  CLI::App* command =
      app.add_subcommand("why", "Tell why a row holds what it holds: which memory, version, mapping line and delivery");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("table", options->table, "The table, as `contacts` or `crm.contacts`")->required();
  command
      ->add_option("key", options->key,
                   "The row's primary key, several columns as a=1,b=2; or a unique column: email=ada@example.test")
      ->required();
  command->add_option("column", options->column, "One column, or a cell as the mapping writes it; all when left out");
  command->add_option("--target", options->target, "Which target, when several have such a table");
  command->callback([options, &choice] { choice = [options](Console& console) { return Explain(*options, console); }; });
}

}  // namespace membridge::admin
