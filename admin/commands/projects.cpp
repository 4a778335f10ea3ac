// `projects list` and `projects adopt`: which Mem0 project belongs to each project.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/commands/command_audit.hpp"
#include "admin/commands/state_command.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "sync/queue/known_projects.hpp"

namespace membridge::admin {
namespace {

using nlohmann::json;

struct ProjectsOptions {
  std::shared_ptr<CommonOptions> common;
  std::string project;
};

Result<sync::mem0::Account> AskWhose(const ProjectConfig& project) {
  return AccountOf(project, 3);
}

json KnownJson(const std::optional<sync::KnownProject>& known) {
  if (!known) return nullptr;
  return {{"org_id", known->org_id}, {"project_id", known->project_id}, {"known_at", FormatRfc3339(known->known_at)}};
}

int RunProjectsList(const ProjectsOptions& options, const Config& config, sync::postgres::Session& session, Console& console) {
  json listed = json::array();
  int status = kDone;
  for (const ProjectConfig& project : config.projects) {
    const auto known = sync::KnownProjects{session}.Find(project.id);
    const auto account = AskWhose(project);
    std::string verdict = "recognised";
    if (!account) {
      verdict = account.error().message;
    } else if (const auto same = sync::KnownProjects{session}.Recognise(project.id, *account); !same) {
      verdict = same.error().message + "; " + same.error().hint;
    }
    if (verdict != "recognised") status = kFoundProblems;
    listed.push_back({{"project", project.id.Text()}, {"known", KnownJson(known)}, {"key", verdict}});
    if (!options.common->json)
      fmt::print(console.out, "{}: {}; the key: {}\n", project.id.Text(),
                 known ? fmt::format("{} of {}", known->project_id, known->org_id) : "not known yet", verdict);
  }
  if (options.common->json) fmt::print(console.out, "{}\n", json{{"projects", listed}}.dump(2));
  return status;
}

int RunProjectsAdopt(const ProjectsOptions& options, const Config& config, sync::postgres::Session& session, Console& console) {
  const auto named = NamedProject(config, options.project);
  if (!named) return PrintUsageError(named.error(), console);
  const ProjectConfig* project = *named;
  const auto account = AskWhose(*project);
  if (!account) {
    NoteInAudit(session, console, "projects.adopt", options.project, &account.error());
    return PrintError(account.error(), console);
  }
  const auto before = sync::KnownProjects{session}.Find(project->id);
  const bool adopted = sync::KnownProjects{session}.Adopt(project->id, *account);
  const json detail{{"org_id", account->org_id}, {"project_id", account->project_id}, {"before", KnownJson(before)}};
  NoteInAudit(session, console, "projects.adopt", options.project, nullptr, detail);
  if (options.common->json) {
    json document = detail;
    document["project"] = options.project;
    document["adopted"] = adopted;
    fmt::print(console.out, "{}\n", document.dump(2));
  } else if (!adopted) {
    fmt::print(console.out, "{} is {} of {} already\n", options.project, account->project_id, account->org_id);
  } else {
    fmt::print(console.out,
               "{} is {} of {} from now on; a running `membridge serve` goes on within seconds. What the former project had "
               "is withdrawn by `membridge sweep --full --project {} --allow-vanishing`\n",
               options.project, account->project_id, account->org_id, options.project);
  }
  return kDone;
}

}  // namespace

void AddProjects(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("projects", "Which project at Mem0 each configured project is");
  group->require_subcommand(1);

  auto listing = std::make_shared<ProjectsOptions>();
  CLI::App* list = group->add_subcommand("list", "What is known, and whether the API keys still belong to it");
  listing->common = AddConfigAndJsonOptions(*list);
  list->callback([listing, &choice] { choice = OnState(listing, &RunProjectsList); });

  auto adopting = std::make_shared<ProjectsOptions>();
  CLI::App* adopt = group->add_subcommand("adopt", "Accept the project at Mem0 that the API key belongs to now");
  adopting->common = AddConfigAndJsonOptions(*adopt);
  adopt->add_option("project", adopting->project, "Its name in the configuration")->required();
  adopt->callback([adopting, &choice] { choice = OnState(adopting, &RunProjectsAdopt); });
}

}  // namespace membridge::admin
