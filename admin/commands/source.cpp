// `source install`, `source check` and `source remove`: the change log beside the table of a self-hosted Mem0.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/runtime/source_check.hpp"
#include "admin/runtime/surroundings.hpp"
#include "sync/source/log_install.hpp"
#include "sync/source/source_state.hpp"

namespace membridge::admin {
namespace {

using nlohmann::ordered_json;
using sync::postgres::Session;
using sync::postgres::SqlFailure;
using sync::source::SourceLook;
using sync::source::TableName;

enum class Deed { kInstall, kCheck, kRemove };

struct SourceOptions {
  std::shared_ptr<CommonOptions> common;
  std::string project;
  bool print = false;
  Deed deed = Deed::kCheck;
};

const char* NameOf(Deed deed) {
  return deed == Deed::kInstall ? "source.install" : deed == Deed::kRemove ? "source.remove" : "source.check";
}

/// Returns the self-hosted projects that are meant.
Result<std::vector<const ProjectConfig*>> Meant(const Config& config, const std::string& named) {
  std::vector<const ProjectConfig*> meant;
  if (!named.empty()) {
    const ProjectConfig* project = config.FindProject(ProjectId{named});
    if (project == nullptr) return Fail(ErrorCode::kNotFound, fmt::format("no project \"{}\" in the configuration", named));
    if (!project->source)
      return Fail(ErrorCode::kRefused, fmt::format("project \"{}\" is at Mem0's Platform, which sends webhooks", named),
                  "only a project with a source has a change log");
    return std::vector{project};
  }
  for (const ProjectConfig& project : config.projects) {
    if (project.source) meant.push_back(&project);
  }
  if (meant.empty())
    return Fail(ErrorCode::kRefused, "the configuration has no project with a source", "write source: {postgres: …}");
  return meant;
}

/// What a command needs about one project.
struct SourceWork {
  const SourceOptions& options;
  const ProjectConfig& project;
  Session& state;
  Console& console;
  ordered_json& json;
};

void PrintSql(const SourceWork& work, const std::string& role) {
  const TableName table = TableOf(*work.project.source);
  const std::string sql =
      work.options.deed == Deed::kRemove ? sync::source::RemoveSql(table) : sync::source::InstallSql(table, role);
  work.json["sql"] = sql;
  if (!work.options.common->json) fmt::print(work.console.out, "{}", sql);
}

/// Takes the table as it is now for the project's, so that what it lacks counts as deleted again.
void Accept(const SourceWork& work, std::int64_t relid) {
  sync::postgres::Transaction transaction = work.state.Begin();
  sync::source::SourceState known{transaction};
  known.Accept(work.project.id, relid);
  known.Want(work.project.id, "the change log of the source was installed");
  transaction.Commit();
}

Result<void> Do(const SourceWork& work) {
  const TableName table = TableOf(*work.project.source);
  Session session{work.project.source->dsn, "membridge source"};
  SourceLook look = sync::source::LookAtSource(session, table);
  if (work.options.print) {
    PrintSql(work, look.role);
    return {};
  }
  const bool install = work.options.deed == Deed::kInstall;
  if (work.options.deed != Deed::kCheck) {
    if (install && look.obstacle.empty() && !look.lacking.empty()) {
      PrintSql(work, look.role);
      return Fail(ErrorCode::kRefused, fmt::format("role {} lacks {}", look.role, fmt::join(look.lacking, ", ")),
                  "let the owner of the table run the SQL above; membridge finds the log by itself then");
    }
    const auto done = install ? sync::source::InstallLog(session, table) : sync::source::RemoveLog(session, table);
    NoteInAudit(work.state, work.console, NameOf(work.options.deed), work.project.id.Text(), done ? nullptr : &done.error());
    if (!done) return done;
    look = sync::source::LookAtSource(session, table);
    if (install && look.relid) Accept(work, *look.relid);
    if (!install) {
      sync::postgres::Transaction transaction = work.state.Begin();
      sync::source::SourceState{transaction}.ForgetLog(work.project.id);
      transaction.Commit();
    }
  }
  work.json.update(ViewOf(work.project, look));
  if (!work.options.common->json)
    fmt::print(work.console.out, "{}: {}\n", work.project.id.Text(), SourceInWords(work.project, look));
  if (work.options.deed == Deed::kRemove || look.IsLive()) return {};
  return Fail(ErrorCode::kUnavailable, SourceInWords(work.project, look));
}

int RunSource(const SourceOptions& options, const Config& config, Session& state, Console& console) {
  const auto meant = Meant(config, options.project);
  if (!meant) return options.project.empty() ? PrintError(meant.error(), console) : PrintUsageError(meant.error(), console);
  int status = kDone;
  ordered_json all = ordered_json::array();
  for (const ProjectConfig* project : *meant) {
    ordered_json json{{"project", project->id.Text()}};
    Result<void> done;
    try {
      done = Do({options, *project, state, console, json});
    } catch (const SqlFailure& failure) {
      done = tl::unexpected<Error>(sync::source::SourceError(failure, TableOf(*project->source)));
    }
    if (!done) {
      json["error"] = {
          {"code", membridge::NameOf(done.error().code)}, {"message", done.error().message}, {"hint", done.error().hint}};
      if (options.deed == Deed::kCheck && json.contains("mode")) {
        status = kFoundProblems;
      } else {
        status = PrintError(Within(done.error(), project->id.Text()).value(), console);
        console.failure = nullptr;
      }
    }
    all.push_back(std::move(json));
  }
  if (options.common->json) fmt::print(console.out, "{}\n", ordered_json{{"sources", std::move(all)}}.dump(2));
  return status;
}

}  // namespace

void AddSource(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("source", "The change log beside the table of a Mem0 of one's own");
  group->require_subcommand(1);
  const auto add = [&](const char* name, const char* text, Deed deed) {
    auto options = std::make_shared<SourceOptions>();
    options->deed = deed;
    CLI::App* command = group->add_subcommand(name, text);
    options->common = AddConfigAndJsonOptions(*command);
    command->add_option("--project", options->project, "Only this project; else all that have a source");
    command->add_flag("--print", options->print, "Print the SQL and run nothing");
    command->callback([options, &choice] { choice = OnState(options, &RunSource); });
    return command;
  };
  add("install",
      "Install the change log, or install it anew after the table was made again; waits for no one, and says so when it may not",
      Deed::kInstall)
      ->footer(
          "Exit status: 0 changes are noted, 1 they are not: a right is missing (the SQL is printed), or somebody locks the "
          "table.");
  add("check", "How changes are found: by the change log, or by polling", Deed::kCheck)
      ->footer("Exit status: 0 by the change log, 1 by polling or not at all.");
  add("remove", "Remove the change log; changes are found by polling then", Deed::kRemove);
}

}  // namespace membridge::admin
