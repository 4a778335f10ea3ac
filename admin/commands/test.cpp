#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/prepared.hpp"
#include "sync/explain/case_runner.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

struct TestOptions {
  std::shared_ptr<CommonOptions> common;
  std::vector<std::string> mappings;
};

int RunTests(const TestOptions& options, Console& console) {
  const auto prepared = Prepare(options.common->config, options.mappings, console);
  if (!prepared) return prepared.error();
  // Cases use the ledger: on a database that no bridge has used yet it is made first.
  const auto pending = PendingOfAll(prepared->config, prepared->databases);
  if (!pending) return PrintError(pending.error(), console);
  if (!pending->empty()) {
    const auto migrated = MigrateAndNote(prepared->config, prepared->databases, console);
    if (!migrated) return PrintError(migrated.error(), console);
  }
  nlohmann::ordered_json cases = nlohmann::ordered_json::array();
  std::size_t passed = 0;
  std::size_t failed = 0;
  try {
    for (const auto& each : prepared->mappings) {
      sync::postgres::Session session{prepared->DsnOf(each), "membridge test"};
      const auto catalog = std::make_shared<const mappings::Catalog>(prepared->catalogs.at(each.target));
      for (const auto& result : sync::RunCases(session, each.mapping, catalog, SystemClock{}.Now())) {
        ++(result.passed ? passed : failed);
        cases.push_back({{"mapping", each.mapping->name},
                         {"case", result.name},
                         {"line", result.place.line},
                         {"passed", result.passed},
                         {"failure", result.failure}});
        if (result.passed || options.common->json) continue;
        fmt::print(console.out, "{}:{}:{}: {}\n{}\n", result.place.file, result.place.line, result.place.column, result.name,
                   result.failure);
      }
    }
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("testing"), console);
  }
  if (options.common->json) {
    fmt::print(console.out, "{}\n",
               nlohmann::ordered_json{{"passed", passed}, {"failed", failed}, {"cases", std::move(cases)}}.dump(2));
  } else {
    fmt::print(console.out, "{} passed, {} failed\n", passed, failed);
  }
  return failed == 0 ? kDone : kFoundProblems;
}

}  // namespace

void AddTest(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<TestOptions>();
  CLI::App* command =
      app.add_subcommand("test", "Run the `tests:` of mapping files on the target database; everything is rolled back");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("mapping", options->mappings, "Only these mappings: by name, or by file");
  command->callback([options, &choice] { choice = [options](Console& console) { return RunTests(*options, console); }; });
}

}  // namespace membridge::admin
