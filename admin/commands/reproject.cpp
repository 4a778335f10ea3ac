#include "sync/queue/reproject.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>
#include <set>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/prepared.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/ledgers.hpp"

namespace membridge::admin {
namespace {

struct ReprojectOptions {
  std::shared_ptr<CommonOptions> common;
  std::string mapping;
};

Result<std::size_t> MarkAll(const Databases& databases, const std::set<ProjectId>& projects) {
  try {
    sync::postgres::Session state{databases.StateDsn(), "membridge reproject"};
    std::size_t marked = 0;
    for (const ProjectId& project : projects) marked += sync::MarkMirror(state, project);
    return marked;
  } catch (const sync::postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("marking"));
  }
}

int RunReproject(const ReprojectOptions& options, Console& console) {
  const auto prepared = Prepare(options.common->config, {options.mapping}, console);
  if (!prepared) return prepared.error();
  std::set<ProjectId> projects;
  for (const ConfiguredMapping& configured : prepared->mappings) {
    if (configured.mapping->from != mappings::Mapping::From::kMemory) {
      return PrintUsageError(
          {ErrorCode::kRefused, configured.mapping->file + " is not made from memories",
           "events are counted once, when they come; exports are asked for again with `membridge backfill run`"},
          console);
    }
    if (configured.project) projects.insert(*configured.project);
    for (const ProjectConfig& project : prepared->config.projects) {
      if (!configured.project) projects.insert(project.id);
    }
  }
  std::vector<std::string> targets;
  for (const ConfiguredMapping& configured : prepared->mappings) targets.push_back(configured.target);
  const auto may = MayWriteTo(prepared->config, prepared->databases, targets);
  const auto marked = !may ? Result<std::size_t>{tl::unexpected<Error>(may.error())} : MarkAll(prepared->databases, projects);
  nlohmann::json detail = nlohmann::json::object();
  for (const ProjectId& project : projects) detail["projects"].push_back(project.Text());
  if (marked) detail["marked"] = *marked;
  NoteInAudit(prepared->databases, console, "reproject", options.mapping, marked ? nullptr : &marked.error(), std::move(detail));
  if (!marked) return PrintError(marked.error(), console);
  if (options.common->json)
    fmt::print(console.out, "{}\n", nlohmann::json{{"mapping", options.mapping}, {"marked", *marked}}.dump());
  else
    fmt::print(console.out, "{} marked; the workers of `membridge serve` evaluate them again from the mirror\n",
               Counted(*marked, "memory", "memories"));
  return kDone;
}

}  // namespace

void AddReproject(CLI::App& app, Choice& choice) {
  auto options = std::make_shared<ReprojectOptions>();
  CLI::App* command = app.add_subcommand("reproject", "Evaluate every memory of the mirror again, without asking Mem0");
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("mapping", options->mapping, "The mapping that was edited: its name, or its file")->required();
  command->callback([options, &choice] { choice = [options](Console& console) { return RunReproject(*options, console); }; });
}

}  // namespace membridge::admin
