#include "sync/explain/why.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
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

/// The key of the row that `column=value` names by a column that is not part of its key; everything else as it was given.
Result<std::string> KeyByColumn(sync::postgres::Session& session, const mappings::Catalog& catalog, const std::string& named,
                                const std::string& key) {
  const std::size_t equals = key.find('=');
  const std::size_t dot = named.find('.');
  const mappings::Table* table =
      dot == std::string::npos ? catalog.Find("", named) : catalog.Find(named.substr(0, dot), named.substr(dot + 1));
  if (equals == std::string::npos || table == nullptr) return key;
  const std::string column = key.substr(0, equals);
  const std::vector<std::string> identity = table->Identity();
  if (table->Find(column) == nullptr || identity.empty() ||
      std::find(identity.begin(), identity.end(), column) != identity.end()) {
    return key;
  }
  std::string columns;
  for (const auto& each : identity) columns += (columns.empty() ? "" : ", ") + sync::postgres::QuoteName(each) + "::text";
  const auto rows = session.Run(
      fmt::format("SELECT {} FROM {}.{} WHERE {}::text = $1 LIMIT 2", columns, sync::postgres::QuoteName(table->schema),
                  sync::postgres::QuoteName(table->name), sync::postgres::QuoteName(column)),
      {key.substr(equals + 1)});
  if (rows.empty())
    return Fail(ErrorCode::kNotFound, fmt::format("no row of {} has that value in {}", named, column),
                "compare it with the table");
  if (rows.size() > 1)
    return Fail(ErrorCode::kRefused, fmt::format("several rows of {} have that value in {}", named, column),
                "name the row by a unique column, or by its primary key");
  if (identity.size() == 1) return std::string{rows.Text(0, 0)};
  std::string found;
  for (std::size_t i = 0; i < identity.size(); ++i)
    found += fmt::format("{}{}={}", found.empty() ? "" : ",", identity[i], rows.Text(0, i));
  return found;
}

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
      sync::postgres::Session target{prepared->databases.DsnOf(*prepared->config.FindTarget(name)), "membridge why"};
      const auto key = KeyByColumn(target, catalog, options.table, options.key);
      if (!key) {
        last = key.error();
        continue;
      }
      const auto history = sync::Why(target, state, catalog, all, options.table, *key, column);
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
