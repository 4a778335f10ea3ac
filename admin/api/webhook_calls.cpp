// Operations on the webhooks of the Mem0 projects: show, apply, and edit by hand.
#include <functional>

#include "admin/api/context.hpp"
#include "admin/webhooks/edit.hpp"
#include "admin/webhooks/registrar.hpp"
#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::mem0::Client;

/// What a call about one project needs.
struct Subject {
  const ProjectConfig& project;
  DesiredWebhook desired;
  Client& client;
};
using Work = std::function<Answer(const Subject&)>;

Answer ForProject(const Call& call, const Parts& parts, const Work& work) {
  const auto project = ProjectOf(parts.config, call.Path("project"));
  if (!project) return tl::unexpected<Problem>(project.error());
  auto client = parts.Mem0For((*project)->id);
  if (!client) return tl::unexpected<Problem>(client.error());
  return work({**project, DesiredOf(**project), **client});
}

/// Does the same for calls that register this bridge's own address.
Answer ForManaged(const Call& call, const Parts& parts, const Work& work) {
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    if (!subject.desired.public_url.empty()) return work(subject);
    return Refuse(409, "conflict", "the project has no webhook.public_url, so nothing is registered for it",
                  "write it in the configuration");
  });
}

/// Converts an error of the webhook functions. Errors of the database and of the lease are the bridge's; all others are Mem0's.
tl::unexpected<Problem> RefuseWebhooks(const Error& error, const Client& client) {
  const bool is_ours = error.code == ErrorCode::kNotFound || error.code == ErrorCode::kBusy;
  return is_ours ? Refuse(error) : RefuseFromMem0(error, client);
}

ordered_json WebhookViewOf(const WebhookView& view) {
  ordered_json json = nlohmann::json(ToJson(view));
  if (!json.contains("token")) json["token"] = nullptr;
  return json;
}

ordered_json StepsOf(const WebhookPlan& plan) {
  ordered_json steps = ordered_json::array();
  for (const WebhookStep& step : plan.steps) {
    ordered_json json = nlohmann::json(ToJson(step));
    json["text"] = Describe(step);
    steps.push_back(std::move(json));
  }
  return steps;
}

ApplyOptions OptionsFor(const Parts& parts, const ProjectConfig& project,
                        const nlohmann::json& choices = nlohmann::json::object()) {
  ApplyOptions options = ApplyOptionsOf(project);
  options.choices = {.adopt = choices.value("adopt", false),
                     .reactivate = choices.value("reactivate", false),
                     .take_over = choices.value("take_over", false)};
  options.known_within = parts.known_within;
  options.issued = parts.token_issued;
  return options;
}

Answer Survey(Call& call, const Parts& parts) {
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    const auto survey =
        SurveyWebhooks(subject.client, call.state, subject.desired, OptionsFor(parts, subject.project, call.query).choices);
    if (!survey) return RefuseWebhooks(survey.error(), subject.client);
    ordered_json webhooks = ordered_json::array();
    for (const WebhookView& view : survey->webhooks) webhooks.push_back(WebhookViewOf(view));
    ordered_json json{
        {"project", subject.project.id.Text()}, {"desired", nullptr}, {"changes", false}, {"steps", ordered_json::array()}};
    if (!subject.desired.public_url.empty()) {
      json["desired"] = {{"name", subject.desired.name},
                         {"url", subject.desired.UrlPrefix() + "***"},
                         {"events", subject.desired.events},
                         {"manage", subject.project.webhook.manage}};
      json["changes"] = survey->plan.Changes();
      json["steps"] = StepsOf(survey->plan);
    }
    json["webhooks"] = std::move(webhooks);
    return json;
  });
}

Answer Apply(Call& call, const Parts& parts) {
  call.detail = call.body;
  return ForManaged(call, parts, [&](const Subject& subject) -> Answer {
    const auto plan = ApplyWebhooks(subject.client, call.state, subject.desired, OptionsFor(parts, subject.project, call.body));
    if (!plan) return RefuseWebhooks(plan.error(), subject.client);
    ordered_json steps = StepsOf(*plan);
    call.detail["changed"] = plan->Changes();
    return ordered_json{{"project", subject.project.id.Text()}, {"changed", plan->Changes()}, {"steps", std::move(steps)}};
  });
}

Answer Rotate(Call& call, const Parts& parts) {
  return ForManaged(call, parts, [&](const Subject& subject) -> Answer {
    ApplyOptions options = OptionsFor(parts, subject.project);
    if (call.body.contains("overlap_seconds"))
      options.overlap = std::chrono::seconds{call.body["overlap_seconds"].get<std::int64_t>()};
    const auto rotation = RotateToken(subject.client, call.state, subject.desired, options);
    if (!rotation) return RefuseWebhooks(rotation.error(), subject.client);
    call.detail = {{"webhook", rotation->webhook_id}, {"new_token", rotation->new_token}, {"old_token", rotation->old_token}};
    return ordered_json{{"project", subject.project.id.Text()},
                        {"webhook", rotation->webhook_id},
                        {"new_token", rotation->new_token},
                        {"old_token", TextOrNull(rotation->old_token)},
                        {"overlap_seconds", rotation->overlap.count()}};
  });
}

Answer RemoveOurs(Call& call, const Parts& parts) {
  return ForManaged(call, parts, [&](const Subject& subject) -> Answer {
    const auto removed = RemoveWebhooks(subject.client, call.state, subject.desired, OptionsFor(parts, subject.project));
    if (!removed) return RefuseWebhooks(removed.error(), subject.client);
    call.detail["webhooks"] = *removed;
    return ordered_json{{"webhooks", *removed}};
  });
}

WebhookWish WishFrom(const nlohmann::json& body) {
  WebhookWish wish{.name = Call::Given<std::string>(body, "name"), .url = Call::Given<std::string>(body, "url"), .events = {}};
  if (body.contains("events")) wish.events = body["events"].get<std::vector<std::string>>();
  return wish;
}

/// Converts an error of an edit: single fields are wrong, according to the bridge or to Mem0, or the bridge keeps this webhook.
tl::unexpected<Problem> RefuseEdit(const Error& error, const FieldProblems& problems, const Client& client) {
  if (error.code != ErrorCode::kRefused || client.LastFailure().status != 0) return RefuseWebhooks(error, client);
  auto refusal = Refuse(error);
  if (problems.empty()) return refusal;
  refusal.value().status = 400;
  refusal.value().code = "bad_request";
  refusal.value().fields = problems;
  return refusal;
}

Answer CreateWebhook(Call& call, const Parts& parts) {
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    call.detail = {{"name", call.body["name"]}, {"events", call.body["events"]}};
    FieldProblems problems;
    const auto made = CreateWebhook(subject.client, call.state, subject.desired, WishFrom(call.body), problems,
                                    OptionsFor(parts, subject.project));
    if (!made) return RefuseEdit(made.error(), problems, subject.client);
    call.detail["webhook"] = made->webhook_id;
    return WebhookViewOf(*made);
  });
}

Answer Update(Call& call, const Parts& parts) {
  call.object = call.Path("webhook");
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    for (const auto& [field, ignored] : call.body.items()) call.detail["changes"].push_back(field);
    FieldProblems problems;
    const auto changed = ChangeWebhook(subject.client, call.state, subject.desired, call.object, WishFrom(call.body), problems,
                                       OptionsFor(parts, subject.project));
    if (!changed) return RefuseEdit(changed.error(), problems, subject.client);
    return WebhookViewOf(*changed);
  });
}

Answer Delete(Call& call, const Parts& parts) {
  call.object = call.Path("webhook");
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    const auto deleted =
        DeleteWebhook(subject.client, call.state, subject.desired, call.object, OptionsFor(parts, subject.project));
    if (!deleted) return RefuseEdit(deleted.error(), {}, subject.client);
    return ordered_json{{"webhooks", ordered_json::array({deleted->webhook_id})}};
  });
}

}  // namespace

void AddWebhookCalls(Handlers& handlers, const Parts& parts) {
  handlers["surveyWebhooks"] = [&parts](Call& call) { return Survey(call, parts); };
  handlers["applyWebhooks"] = [&parts](Call& call) { return Apply(call, parts); };
  handlers["rotateWebhook"] = [&parts](Call& call) { return Rotate(call, parts); };
  handlers["removeWebhooks"] = [&parts](Call& call) { return RemoveOurs(call, parts); };
  handlers["createWebhook"] = [&parts](Call& call) { return CreateWebhook(call, parts); };
  handlers["updateWebhook"] = [&parts](Call& call) { return Update(call, parts); };
  handlers["deleteWebhook"] = [&parts](Call& call) { return Delete(call, parts); };
}

}  // namespace membridge::admin::api
