#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/prepared.hpp"
#include "sync/explain/case_runner.hpp"
#include "sync/explain/scratch_server.hpp"
#include "sync/migrations/migrate.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

struct TestOptions {
  std::shared_ptr<CommonOptions> common;
  std::vector<std::string> mappings;
  bool scratch = false;
  std::vector<std::string> schemas;
};

/// Makes a private database for each target that a mapping writes: from the given files, or else as a copy of the target's
/// tables.
Result<void> Redirected(const std::vector<std::string>& schemas, std::optional<sync::ScratchServer>& scratch, Config& config,
                        const std::vector<ConfiguredMapping>& configured) {
  const auto files = sync::ReadSchemaFiles({schemas.begin(), schemas.end()});
  if (!files) return tl::unexpected<Error>(files.error());
  std::optional<Databases> real;
  if (schemas.empty()) {
    auto opened = Databases::Open(config, Databases::Use::kCommand);
    if (!opened) return tl::unexpected<Error>(opened.error());
    real.emplace(std::move(*opened));
  }
  auto server = sync::ScratchServer::Start();
  if (!server) return tl::unexpected<Error>(server.error());
  scratch.emplace(std::move(*server));
  config.database.reset();
  for (TargetConfig& target : config.targets) {
    const bool written =
        std::any_of(configured.begin(), configured.end(), [&](const auto& one) { return one.target == target.name; });
    if (!written) continue;
    auto dsn = real ? scratch->MakeLike(real->DsnOf(target)) : scratch->MakeOf(*files);
    if (!dsn) return Within(dsn.error(), "target " + target.name);
    try {
      sync::postgres::Session session{*dsn};
      if (auto migrated = sync::Migrate(session, sync::MigrationKind::kLedger); !migrated)
        return Within(migrated.error(), "target " + target.name);
    } catch (const sync::postgres::SqlFailure& failure) {
      return tl::unexpected<Error>(failure.AsError("target " + target.name));
    }
    config.database = *dsn;  // the state is not used here, but without an address an embedded server would be started
    target.dsn = std::move(*dsn);
  }
  return {};
}

/// Makes the ledger on a database that no bridge has used yet, because test cases need it.
Result<void> WithLedger(const Prepared& prepared, Console& console) {
  const auto pending = PendingOfAll(prepared.config, prepared.databases);
  if (!pending) return tl::unexpected<Error>(pending.error());
  if (pending->empty()) return {};
  if (const auto migrated = MigrateAndNote(prepared.config, prepared.databases, console); !migrated)
    return tl::unexpected<Error>(migrated.error());
  return {};
}

int RunTests(const TestOptions& options, Console& console) {
  std::optional<sync::ScratchServer> scratch;
  Redirect redirect;
  if (options.scratch) {
    redirect = [&](Config& config, const std::vector<ConfiguredMapping>& configured) {
      return Redirected(options.schemas, scratch, config, configured);
    };
  }
  const auto prepared = Prepare(options.common->config, options.mappings, console, redirect);
  if (!prepared) return prepared.error();
  if (!scratch) {
    if (const auto ready = WithLedger(*prepared, console); !ready) return PrintError(ready.error(), console);
  }
  nlohmann::ordered_json cases = nlohmann::ordered_json::array();
  std::size_t passed = 0;
  std::size_t failed = 0;
  try {
    for (const auto& each : prepared->mappings) {
      sync::postgres::Session session{prepared->DsnOf(each), "membridge test", sync::postgres::SearchPath::kRoles};
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
  auto* scratch = command->add_flag("--scratch", options->scratch,
                                    "In a private server, on tables like the target's, which no other row disturbs");
  command->add_option("--schema", options->schemas, "Make the private tables of this SQL file; the target is not needed then")
      ->type_name("FILE")
      ->take_all()
      ->needs(scratch);
  command->callback([options, &choice] { choice = [options](Console& console) { return RunTests(*options, console); }; });
}

}  // namespace membridge::admin
