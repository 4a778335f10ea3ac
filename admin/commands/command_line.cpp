#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "admin/commands/arguments.hpp"
#include "admin/commands/command.hpp"
#include "mappings/base/version.hpp"

namespace membridge::admin {
namespace {

/// The headings of `membridge --help`, with the commands under each.
const std::vector<std::pair<const char*, std::vector<const char*>>>& CommandGroups() {
  static const std::vector<std::pair<const char*, std::vector<const char*>>> kGroups{
      {"Set up", {"init", "fields", "doctor", "check", "test", "plan", "schema", "catalog", "config"}},
      {"Run", {"serve", "dev", "migrate"}},
      {"Look", {"status", "tail", "deliveries", "parked", "kept", "why", "audit"}},
      {"Repair", {"sweep", "backfill", "reproject", "erase"}},
      {"Mem0 and access", {"mem0", "webhooks", "projects", "source", "targets", "feeds", "tokens"}},
      {"About", {"help", "version", "completion", "man"}},
  };
  return kGroups;
}

int Understand(int argc, const char* const* argv, Console& console) {
  CLI::App app{"Keeps tables in PostgreSQL equal to what Mem0 remembers.", "membridge"};
  Choice choice;
  AddCommands(app, choice);
  const Arguments arguments = ReadArguments(app, argc, argv, console.environment);
  console.json = arguments.json;
  const auto refuse = [&](const Error& error) {
    PrintError(error, console);
    return kBadUsage;
  };
  if (const auto wrong = WrongCommand(app, arguments.words)) return refuse(*wrong);
  try {
    app.parse(std::vector<std::string>{arguments.words.rbegin(), arguments.words.rend()});
  } catch (const CLI::Success& asked) {
    return app.exit(asked, console.out, console.err) == 0 ? kDone : kBadUsage;  // --help and --version
  } catch (const CLI::ParseError& refusal) {
    return refuse(ExplainUsage(app, arguments.words, refusal));
  }
  return choice(console);
}

}  // namespace

void AddCommands(CLI::App& app, Choice& choice) {
  app.set_version_flag("--version", std::string{"membridge "} + kVersion);
  app.require_subcommand(1);
  AddServe(app, choice);
  AddSource(app, choice);
  AddDev(app, choice);
  AddCheck(app, choice);
  AddMigrate(app, choice);
  AddTest(app, choice);
  AddPlan(app, choice);
  AddCatalog(app, choice);
  AddSchema(app, choice);
  AddWebhooks(app, choice);
  AddDeliveries(app, choice);
  AddParked(app, choice);
  AddKept(app, choice);
  AddBackfill(app, choice);
  AddSweep(app, choice);
  AddReproject(app, choice);
  AddMem0(app, choice);
  AddProjects(app, choice);
  AddTargets(app, choice);
  AddFeeds(app, choice);
  AddWhy(app, choice);
  AddErase(app, choice);
  AddTokens(app, choice);
  AddAudit(app, choice);
  AddAbout(app, choice);
  AddConfig(app, choice);
  AddCompletion(app, choice);
  AddMan(app, choice);
  AddDoctor(app, choice);
  AddStatus(app, choice);
  AddTail(app, choice);
  AddFields(app, choice);
  AddInit(app, choice);
  for (const auto& [heading, names] : CommandGroups()) {
    for (const char* name : names) app.get_subcommand(name)->group(heading);
  }
  app.footer("--config FILE and --json may stand anywhere on the line; MEMBRIDGE_CONFIG names the configuration otherwise.");
}

int RunCommandLine(int argc, const char* const* argv, Console& console) {
  try {
    const int status = Understand(argc, argv, console);
    if (console.json && !console.failure.is_null() && status != kDone)
      fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"error", console.failure}}.dump(2));
    return status;
  } catch (const std::exception& failure) {
    // An exception here is a bug or a problem of the machine, such as no memory or a full disk.
    fmt::print(console.err, "error: {}\n", failure.what());
    if (console.json)
      fmt::print(console.out, "{}\n",
                 nlohmann::ordered_json{{"error", {{"code", "unexpected"}, {"message", failure.what()}, {"hint", ""}}}}.dump(2));
    return kFoundProblems;
  }
}

}  // namespace membridge::admin
