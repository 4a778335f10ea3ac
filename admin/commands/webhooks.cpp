#include "admin/webhooks.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <CLI/CLI.hpp>

#include "admin/commands/command.hpp"
#include "admin/databases.hpp"
#include "admin/registrar.hpp"
#include "admin/token_watch.hpp"

namespace membridge::admin {
namespace {

struct Options {
  std::shared_ptr<CommonOptions> common;
  std::string project;
  PlanChoices choices;
};

/// One project's turn: prints its part, or adds it to `json`.
using Turn = std::function<Result<void>(sync::mem0::Client&, sync::postgres::Session&, const DesiredWebhook&, nlohmann::ordered_json& json, std::ostream& text)>;

int ForEachProject(const Options& options, Console& console, const Turn& turn) {
  const auto config = ConfigOrProblems(options.common->config, console);
  if (!config) return kBadUsage;
  if (!options.project.empty() && config->FindProject(ProjectId{options.project}) == nullptr) {
    fmt::print(console.err, "error: no project \"{}\" in the configuration\n", options.project);
    return kBadUsage;
  }
  auto databases = Databases::Open(*config, Databases::Use::kCommand);
  if (!databases) return PrintError(databases.error(), console);
  if (const auto migrated = MigrateAll(*config, *databases); !migrated) return PrintError(migrated.error(), console);
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  int status = kDone;
  try {
    sync::postgres::Session session{databases->StateDsn(), "membridge webhooks"};
    for (const auto& project : config->projects) {
      if (!options.project.empty() && project.id.Text() != options.project) continue;
      if (project.webhook.public_url.empty()) {
        fmt::print(console.err, "{}: has no webhook.public_url, so nothing is registered for it\n", project.id.Text());
        continue;
      }
      sync::mem0::Client::Options client_options;
      client_options.base_url = project.base_url;
      client_options.api_key = project.api_key;
      client_options.tries = 3;
      sync::mem0::Client client{std::move(client_options), std::make_shared<sync::mem0::CallBudget>()};
      nlohmann::ordered_json json{{"project", project.id.Text()}};
      const auto done = turn(client, session, DesiredOf(project), json, console.out);
      all.push_back(std::move(json));
      if (!done) status = PrintError(Within(done.error(), project.id.Text()).value(), console);
    }
  } catch (const sync::postgres::SqlFailure& failure) {
    return PrintError(failure.AsError("the state database"), console);
  }
  if (options.common->json) fmt::print(console.out, "{}\n", nlohmann::ordered_json{{"projects", std::move(all)}}.dump(2));
  return status;
}

void TellPlan(const WebhookPlan& plan, bool as_json, nlohmann::ordered_json& json, std::ostream& text, const DesiredWebhook& desired) {
  if (as_json) {
    json["changes"] = plan.Changes();
    json["steps"] = nlohmann::ordered_json::array();
    for (const auto& step : plan.steps) json["steps"].push_back(nlohmann::ordered_json(ToJson(step)));
    return;
  }
  for (const auto& step : plan.steps) fmt::print(text, "{}: {}\n", desired.project.Text(), Describe(step));
}

int Plan(const Options& options, Console& console) {
  return ForEachProject(options, console, [&](auto& client, auto& session, const auto& desired, auto& json, auto& text) -> Result<void> {
    const auto survey = SurveyWebhooks(client, session, desired, options.choices);
    if (!survey) return tl::unexpected<Error>(survey.error());
    TellPlan(survey->plan, options.common->json, json, text, desired);
    return {};
  });
}

int Apply(const Options& options, Console& console) {
  return ForEachProject(options, console, [&](auto& client, auto& session, const auto& desired, auto& json, auto& text) -> Result<void> {
    ApplyOptions apply;
    apply.choices = options.choices;
    apply.known_within = TokenWatch::kKnownWithin;
    const auto plan = ApplyWebhooks(client, session, desired, apply);
    if (!plan) return tl::unexpected<Error>(plan.error());
    TellPlan(*plan, options.common->json, json, text, desired);
    return {};
  });
}

int List(const Options& options, Console& console) {
  return ForEachProject(options, console, [&](auto& client, auto& session, const auto& desired, auto& json, auto& text) -> Result<void> {
    const auto survey = SurveyWebhooks(client, session, desired, options.choices);
    if (!survey) return tl::unexpected<Error>(survey.error());
    json["webhooks"] = nlohmann::ordered_json::array();
    for (const auto& view : survey->webhooks) {
      json["webhooks"].push_back(nlohmann::ordered_json(ToJson(view)));
      if (options.common->json) continue;
      fmt::print(text, "{}: {}  {}  {}  {}{}  [{}]\n", desired.project.Text(), view.webhook_id, NameOf(view.ownership), view.name, view.url,
                 view.is_active ? "" : "  inactive", fmt::join(view.events, ", "));
    }
    return {};
  });
}

void AddCommand(CLI::App& group, const char* name, const char* description, Choice& choice, int (*run)(const Options&, Console&), bool chooses) {
  auto options = std::make_shared<Options>();
  CLI::App* command = group.add_subcommand(name, description);
  options->common = AddConfigAndJsonOptions(*command);
  command->add_option("--project", options->project, "Only this project");
  if (chooses) {
    command->add_flag("--adopt", options->choices.adopt, "Take over a webhook that leads here and bears our name, but was made by another deployment");
    command->add_flag("--reactivate", options->choices.reactivate, "Replace an inactive webhook by an active one");
  }
  command->callback([options, run, &choice] { choice = [options, run](Console& console) { return run(*options, console); }; });
}

}  // namespace

void AddWebhooks(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("webhooks", "The webhooks of your Mem0 projects");
  group->require_subcommand(1);
  AddCommand(*group, "plan", "What apply would do; changes nothing", choice, Plan, true);
  AddCommand(*group, "apply", "Make Mem0 have the webhook the configuration asks for; touches none that is not ours", choice, Apply, true);
  AddCommand(*group, "list", "What Mem0 has, and whose it is; tokens are never shown", choice, List, false);
}

}  // namespace membridge::admin
