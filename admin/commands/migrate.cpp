#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iterator>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

struct MigrateOptions {
  std::shared_ptr<CommonOptions> common;
  std::string script;
};

/// Runs a script of the operator in the state database, as one transaction.
Result<void> RunScript(const std::string& file, const std::string& dsn) {
  std::ifstream stream{file};
  if (!stream) return Fail(ErrorCode::kNotFound, file + " cannot be read");
  const std::string sql{std::istreambuf_iterator<char>{stream}, {}};
  try {
    sync::postgres::Session session{dsn, "membridge migrate", sync::postgres::SearchPath::kRoles};
    sync::postgres::Transaction transaction = session.Begin();
    // Without this, a role named membridge would make its tables in the bridge's own schema, where no mapping finds them.
    transaction.Run(
        "SELECT pg_catalog.set_config('search_path', 'public', true) WHERE pg_catalog.current_schema() = 'membridge'");
    transaction.RunScript(sql);
    transaction.Commit();
    return {};
  } catch (const sync::postgres::SqlFailure& failure) {
    // It is the operator's own script and terminal, so the server's message helps and reveals nothing.
    return Fail(ErrorCode::kRefused, fmt::format("{}: {}", file, failure.fields().message), failure.fields().hint);
  }
}

int RunMigrate(const MigrateOptions& options, Console& console) {
  const auto config = ConfigOrProblems(options.common->config, console);
  if (!config) return kBadUsage;
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  const auto steps = MigrateAndNote(*config, *databases, console);
  if (!steps) return PrintError(steps.error(), console);
  if (!options.script.empty()) {
    const auto ran = RunScript(options.script, databases->StateDsn());
    NoteInAudit(*databases, console, "migrate.run", options.script, ran ? nullptr : &ran.error());
    if (!ran) return PrintError(ran.error(), console);
  }
  if (options.common->json) {
    nlohmann::ordered_json applied = nlohmann::ordered_json::array();
    for (const auto& step : *steps) applied.push_back({{"database", step.database}, {"migration", step.name}});
    fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"applied", applied}}.dump(2));
    return kDone;
  }
  for (const auto& step : *steps) fmt::print(console.out, "{}: applied {}\n", step.database, step.name);
  if (steps->empty()) fmt::print(console.out, "up to date\n");
  return kDone;
}

}  // namespace

void AddMigrate(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<MigrateOptions>();
  CLI::App* command = app.add_subcommand("migrate", "Bring the databases up to this binary; serve does it too");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("--run", options->script,
                      "Then run this SQL file in the state database: how your own tables get into an embedded one");
  command->callback([options, &choice] { choice = [options](Console& console) { return RunMigrate(*options, console); }; });
}

}  // namespace membridge::admin
