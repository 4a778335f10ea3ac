#include "admin/commands/webhook_projects.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/state_command.hpp"
#include "admin/runtime/mem0_clients.hpp"
#include "admin/webhooks/registrar.hpp"

namespace membridge::admin {
namespace {

/// Returns the selected projects. When they are not clear, prints that and returns nothing.
std::optional<std::vector<const ProjectConfig*>> Meant(const Config& config, const WebhookSelection& selection,
                                                       Console& console) {
  if (const auto known = ProjectsMeant(config, selection.project); !known) {
    PrintUsageError(known.error(), console);
    return std::nullopt;
  }
  if (selection.exactly_one && selection.project.empty() && config.projects.size() > 1) {
    fmt::print(console.err, "error: there are {} projects; name one with --project\n", config.projects.size());
    return std::nullopt;
  }
  std::vector<const ProjectConfig*> meant;
  for (const auto& project : config.projects) {
    if (!selection.project.empty() && project.id.Text() != selection.project) continue;
    if (project.source) {
      fmt::print(console.err, "{}: is a Mem0 of your own, which sends no webhooks; its changes are read from its database\n",
                 project.id.Text());
      continue;
    }
    if (selection.registered && project.webhook.public_url.empty()) {
      fmt::print(console.err, "{}: has no webhook.public_url, so nothing is registered for it\n", project.id.Text());
      continue;
    }
    meant.push_back(&project);
  }
  return meant;
}

}  // namespace

int ForEachProject(const WebhookSelection& selection, Console& console, const std::function<Result<void>(WebhookWork&)>& work) {
  const auto config = ConfigOrProblems(selection.common->config, console);
  if (!config) return kBadUsage;
  const auto meant = Meant(*config, selection, console);
  if (!meant) return kBadUsage;
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  if (const auto migrated = MigrateAndNote(*config, *databases, console); !migrated) return PrintError(migrated.error(), console);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  int status = kDone;
  try {
    sync::postgres::Session session{databases->StateDsn(), "membridge webhooks"};
    for (const ProjectConfig* project : *meant) {
      sync::mem0::Client client = ClientForCommand(*project, session, 3);
      const DesiredWebhook desired = DesiredOf(*project);
      nlohmann::ordered_json json{{"project", project->id.Text()}};
      WebhookWork one{*project, desired, client, session, json, console};
      const auto done = work(one);
      if (!done) {
        // Put the error into the document of all projects. Another one at the end would be a second JSON document.
        json["error"] = {{"code", NameOf(done.error().code)}, {"message", done.error().message}, {"hint", done.error().hint}};
        status = PrintError(Within(done.error(), project->id.Text()).value(), console);
        console.failure = nullptr;
      }
      all.push_back(std::move(json));
    }
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("the state database"), console);
  }
  if (selection.common->json) {
    nlohmann::ordered_json document;
    document["projects"] = std::move(all);
    fmt::print(console.out, "{}\n", document.dump(2));
  }
  return status;
}

WebhookSelection AddSelection(CLI::App& command) {
  WebhookSelection selection;
  selection.common = AddConfigAndJsonOptions(command);
  return selection;
}

}  // namespace membridge::admin
