#include "admin/webhooks/webhooks.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>

#include "admin/commands/webhook_projects.hpp"
#include "admin/config/values.hpp"
#include "admin/shown/progress.hpp"
#include "admin/shown/table.hpp"
#include "admin/webhooks/registrar.hpp"

namespace membridge::admin {
namespace {

struct WebhookOptions : WebhookSelection {
  PlanChoices choices;
  std::string overlap;  ///< as given; empty: as configured
  bool yes = false;
};

using WebhookRun = int (*)(const WebhookOptions&, Console&);

void TellPlan(const WebhookPlan& plan, const WebhookOptions& options, WebhookWork& work) {
  work.json["changes"] = plan.Changes();
  work.json["steps"] = nlohmann::ordered_json::array();
  for (const auto& step : plan.steps) work.json["steps"].push_back(nlohmann::ordered_json(ToJson(step)));
  if (options.common->json) return;
  for (const auto& step : plan.steps) fmt::print(work.console.out, "{}: {}\n", work.desired.project.Text(), Describe(step));
}

/// Returns the options for registering, with the values of the command line.
ApplyOptions ApplyOptionsOf(const WebhookWork& work, const WebhookOptions& options) {
  ApplyOptions apply = admin::ApplyOptionsOf(work.project);
  apply.choices = options.choices;
  if (const auto overlap = ParseDuration(options.overlap)) apply.overlap = std::chrono::ceil<std::chrono::seconds>(*overlap);
  return apply;
}

int Plan(const WebhookOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    const auto survey = SurveyWebhooks(work.client, work.session, work.desired, options.choices);
    if (!survey) return tl::unexpected<Error>(survey.error());
    TellPlan(survey->plan, options, work);
    return {};
  });
}

int Apply(const WebhookOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    const auto plan = ApplyWebhooks(work.client, work.session, work.desired, ApplyOptionsOf(work, options));
    if (!plan || plan->Changes()) NoteInAudit(work, "webhooks.apply", plan);
    if (!plan) return tl::unexpected<Error>(plan.error());
    TellPlan(*plan, options, work);
    return {};
  });
}

std::string TimeOr(const std::optional<Instant>& instant, std::string_view otherwise) {
  return instant ? WithAge(*instant, SystemClock{}.Now()) : std::string{otherwise};
}

/// Prints what Mem0 has, and the tokens that lead here.
void PrintSurvey(const WebhookSurvey& survey, const std::string& project, Console& console) {
  if (survey.webhooks.empty()) fmt::print(console.out, "{}: Mem0 has no webhook of this project\n", project);
  TextTable webhooks{{"PROJECT", "WEBHOOK", "WHOSE", "NAME", "LEADS TO", "EVENTS"}};
  for (const auto& view : survey.webhooks)
    webhooks.Add({project, view.webhook_id, std::string{NameOf(view.ownership)} + (view.is_active ? "" : ", inactive"), view.name,
                  view.url, fmt::format("{}", fmt::join(view.events, " "))});
  if (!webhooks.Empty()) fmt::print(console.out, "{}", webhooks.Text(console.coloured));
  TextTable tokens{{"PROJECT", "TOKEN", "LAST USED", "ACCEPTED UNTIL"}};
  for (const auto& token : survey.tokens)
    tokens.Add({project, token.id, TimeOr(token.last_used, "never"), TimeOr(token.expires_at, "it is replaced")});
  if (!tokens.Empty()) fmt::print(console.out, "\n{}", tokens.Text(console.coloured));
}

int ListWebhooks(const WebhookOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    const auto survey = SurveyWebhooks(work.client, work.session, work.desired);
    if (!survey) return tl::unexpected<Error>(survey.error());
    const std::string& project = work.desired.project.Text();
    work.json["webhooks"] = nlohmann::ordered_json::array();
    work.json["tokens"] = nlohmann::ordered_json::array();
    for (const auto& view : survey->webhooks) work.json["webhooks"].push_back(nlohmann::ordered_json(ToJson(view)));
    for (const auto& token : survey->tokens) work.json["tokens"].push_back(nlohmann::ordered_json(ToJson(token)));
    if (!options.common->json) PrintSurvey(*survey, project, work.console);
    return {};
  });
}

int Rotate(const WebhookOptions& options, Console& console) {
  if (!options.overlap.empty() && !ParseDuration(options.overlap)) {
    fmt::print(console.err, "error: --overlap {} has no unit; write 30m or 24h\n", options.overlap);
    return kBadUsage;
  }
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    const auto rotation = RotateToken(work.client, work.session, work.desired, ApplyOptionsOf(work, options));
    NoteInAudit(work, "webhooks.rotate", rotation, rotation ? rotation->webhook_id : "");
    if (!rotation) return tl::unexpected<Error>(rotation.error());
    work.json["webhook"] = rotation->webhook_id;
    work.json["new_token"] = rotation->new_token;
    work.json["old_token"] = rotation->old_token.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(rotation->old_token);
    work.json["overlap_seconds"] = rotation->overlap.count();
    if (options.common->json) return {};
    // Print ids only. Mem0 already has the address, and the token is needed nowhere else.
    fmt::print(work.console.out, "{}: {} has a new token, {}", work.desired.project.Text(), rotation->webhook_id,
               rotation->new_token);
    if (!rotation->old_token.empty())
      fmt::print(work.console.out, "; {} is accepted for another {}", rotation->old_token, TextOf(rotation->overlap));
    fmt::print(work.console.out, "\n");
    return {};
  });
}

/// Returns the webhooks of ours, to show what would be removed.
Result<std::vector<std::string>> OursOf(WebhookWork& work) {
  const auto survey = SurveyWebhooks(work.client, work.session, work.desired);
  if (!survey) return tl::unexpected<Error>(survey.error());
  std::vector<std::string> ours;
  for (const auto& view : survey->webhooks) {
    if (view.ownership == Ownership::kOurs) ours.push_back(view.webhook_id);
  }
  return ours;
}

int Remove(const WebhookOptions& options, Console& console) {
  return ForEachProject(options, console, [&](WebhookWork& work) -> Result<void> {
    const auto removed =
        options.yes ? RemoveWebhooks(work.client, work.session, work.desired, ApplyOptionsOf(work, options)) : OursOf(work);
    if (options.yes) NoteInAudit(work, "webhooks.remove", removed);
    if (!removed) return tl::unexpected<Error>(removed.error());
    work.json["removed"] = options.yes;
    work.json["webhooks"] = *removed;
    if (work.project.webhook.manage && options.yes && !removed->empty())
      fmt::print(work.console.err, "{}: manage is true, so serve registers it again; set it to false to stay without\n",
                 work.desired.project.Text());
    if (options.common->json) return {};
    fmt::print(work.console.out, "{}: {} {}{}\n", work.desired.project.Text(), Counted(removed->size(), "webhook", "webhooks"),
               options.yes ? "removed" : "would be removed; add --yes to do it",
               removed->empty() ? "" : fmt::format(": {}", fmt::join(*removed, ", ")));
    return {};
  });
}

std::shared_ptr<WebhookOptions> AddWebhookCommand(CLI::App& group, const char* name, const char* description, Choice& choice,
                                                  WebhookRun run) {
  auto options = std::make_shared<WebhookOptions>();
  CLI::App* command = group.add_subcommand(name, description);
  static_cast<WebhookSelection&>(*options) = AddSelection(*command);
  command->add_option("--project", options->project, "Only this project");
  command->callback([options, run, &choice] { choice = [options, run](Console& console) { return run(*options, console); }; });
  return options;
}

void AddChoices(CLI::App& command, const std::shared_ptr<WebhookOptions>& options) {
  command.add_flag("--adopt", options->choices.adopt,
                   "Take over a webhook that leads here and has this bridge's name, but was made by another deployment");
  command.add_flag("--take-over", options->choices.take_over,
                   "Move the webhook here, although it leads to another bridge or belongs to another state database");
  command.add_flag("--reactivate", options->choices.reactivate, "Replace an inactive webhook by an active one");
}

}  // namespace

void AddWebhookList(CLI::App& group, Choice& choice) {
  AddWebhookCommand(group, "list", "What Mem0 has, whose it is, and when each token was last used", choice, ListWebhooks)
      ->registered = false;
}

void AddWebhooks(CLI::App& app, Choice& choice) {
  CLI::App* group = app.add_subcommand("webhooks", "The webhooks of your Mem0 projects; no token is ever shown");
  group->require_subcommand(1);
  const auto plan = AddWebhookCommand(*group, "plan", "What apply would do; changes nothing", choice, Plan);
  AddChoices(*group->get_subcommand("plan"), plan);
  const auto apply = AddWebhookCommand(
      *group, "apply", "Make the webhook at Mem0 as the configuration asks; other webhooks stay as they are", choice, Apply);
  AddChoices(*group->get_subcommand("apply"), apply);
  AddWebhookList(*group, choice);
  const auto rotate = AddWebhookCommand(
      *group, "rotate", "Give the bridge's webhook a new token; the old one is accepted during the overlap", choice, Rotate);
  group->get_subcommand("rotate")->add_option("--overlap", rotate->overlap,
                                              "How long the old token is still accepted: 30m, 24h; else as configured");
  const auto remove = AddWebhookCommand(*group, "remove", "Delete the bridge's webhooks at Mem0, and no others", choice, Remove);
  group->get_subcommand("remove")->add_flag("--yes", remove->yes,
                                            "Do it; without this option, the command only says what it would remove");
  AddWebhookEdits(*group, choice);
}

}  // namespace membridge::admin
