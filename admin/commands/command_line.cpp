#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <exception>

#include "admin/commands/command.hpp"
#include "mappings/base/version.hpp"

namespace membridge::admin {
namespace {

int Understand(int argc, const char* const* argv, Console& console) {
  CLI::App app{"Keeps tables in PostgreSQL equal to what Mem0 remembers.", "membridge"};
  app.set_version_flag("--version", std::string{"membridge "} + kVersion);
  app.require_subcommand(1);
  Choice choice;
  AddServe(app, choice);
  AddCheck(app, choice);
  AddMigrate(app, choice);
  AddTest(app, choice);
  AddPlan(app, choice);
  AddCatalog(app, choice);
  AddSchema(app, choice);
  AddWebhooks(app, choice);
  AddDeliveries(app, choice);
  AddParked(app, choice);
  AddBackfill(app, choice);
  AddSweep(app, choice);
  AddReproject(app, choice);
  AddProjects(app, choice);
  AddWhy(app, choice);
  AddErase(app, choice);
  AddTokens(app, choice);
  AddAudit(app, choice);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& outcome) {
    // --help and --version come this way too; they are no errors.
    return app.exit(outcome, console.out, console.err) == 0 ? kDone : kBadUsage;
  }
  return choice(console);
}

}  // namespace

int RunCommandLine(int argc, const char* const* argv, Console& console) {
  try {
    return Understand(argc, argv, console);
  } catch (const std::exception& failure) {
    // What comes this far is a fault of ours or of the machine: out of memory, a full disk.
    fmt::print(console.err, "error: {}\n", failure.what());
    return kFoundProblems;
  }
}

}  // namespace membridge::admin
