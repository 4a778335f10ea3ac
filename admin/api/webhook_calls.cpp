// The webhooks of the Mem0 projects: as they are to be, as they are, and by hand.
#include <algorithm>
#include <functional>

#include "admin/api/parts.hpp"
#include "admin/registrar.hpp"
#include "admin/webhooks.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::mem0::Client;
using sync::mem0::Webhook;

/// What a call about one project works with.
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

/// The same for what needs an address of our own to register.
Answer ForManaged(const Call& call, const Parts& parts, const Work& work) {
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    if (!subject.desired.public_url.empty()) return work(subject);
    return Refuse(409, "conflict", "the project has no webhook.public_url, so nothing is registered for it",
                  "write it in the configuration");
  });
}

/// An error of the webhook engine: the database's and the lease's are ours, all else is Mem0's.
tl::unexpected<Problem> RefuseWebhooks(const Error& error, const Client& client) {
  if (client.LastFailure().status == 0 && error.code == ErrorCode::kUnavailable) {
    return error.message.find("another process") != std::string::npos ? Refuse(error) : RefuseFromMem0(error, client);
  }
  return error.code == ErrorCode::kNotFound ? Refuse(error) : RefuseFromMem0(error, client);
}

ordered_json ViewOf(const WebhookView& view) {
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

ApplyOptions OptionsFor(const Parts& parts, const nlohmann::json& choices) {
  ApplyOptions options;
  options.choices = {.adopt = choices.value("adopt", false), .reactivate = choices.value("reactivate", false)};
  options.known_within = parts.known_within;
  options.issued = parts.token_issued;
  return options;
}

Answer Survey(Call& call, const Parts& parts) {
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    const auto survey = SurveyWebhooks(subject.client, call.state, subject.desired, OptionsFor(parts, call.query).choices);
    if (!survey) return RefuseWebhooks(survey.error(), subject.client);
    ordered_json webhooks = ordered_json::array();
    for (const WebhookView& view : survey->webhooks) webhooks.push_back(ViewOf(view));
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
    const auto plan = ApplyWebhooks(subject.client, call.state, subject.desired, OptionsFor(parts, call.body));
    if (!plan) return RefuseWebhooks(plan.error(), subject.client);
    ordered_json steps = StepsOf(*plan);
    call.detail["changed"] = plan->Changes();
    return ordered_json{{"project", subject.project.id.Text()}, {"changed", plan->Changes()}, {"steps", std::move(steps)}};
  });
}

Answer Rotate(Call& call, const Parts& parts) {
  return ForManaged(call, parts, [&](const Subject& subject) -> Answer {
    ApplyOptions options = OptionsFor(parts, nlohmann::json::object());
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
    const auto removed = RemoveWebhooks(subject.client, call.state, subject.desired, OptionsFor(parts, nlohmann::json::object()));
    if (!removed) return RefuseWebhooks(removed.error(), subject.client);
    call.detail["webhooks"] = *removed;
    return ordered_json{{"webhooks", *removed}};
  });
}

/// A webhook as everybody may see it, its address redacted.
ordered_json Seen(const Webhook& webhook, const Subject& subject, Call& call) {
  return ViewOf(ViewWebhooks({webhook}, ReadWebhookBooks(call.state, subject.project.id), subject.desired).at(0));
}

Answer Create(Call& call, const Parts& parts) {
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    call.detail = {{"name", call.body["name"]}, {"events", call.body["events"]}};
    const auto account = subject.client.Ping();
    if (!account) return RefuseFromMem0(account.error(), subject.client);
    Webhook wanted;
    wanted.name = call.body["name"].get<std::string>();
    wanted.url = call.body["url"].get<std::string>();
    wanted.event_types = call.body["events"].get<std::vector<std::string>>();
    const auto created = subject.client.CreateWebhook(account->project_id, wanted);
    if (!created) return RefuseFromMem0(created.error(), subject.client);
    wanted.webhook_id = created->webhook_id;
    wanted.is_active = created->is_active;
    call.detail["webhook"] = wanted.webhook_id;
    return Seen(wanted, subject, call);
  });
}

tl::expected<Webhook, Problem> Listed(const Subject& subject, const std::string& id) {
  const auto account = subject.client.Ping();
  if (!account) return RefuseFromMem0(account.error(), subject.client);
  const auto webhooks = subject.client.ListWebhooks(account->project_id);
  if (!webhooks) return RefuseFromMem0(webhooks.error(), subject.client);
  const auto found = std::find_if(webhooks->begin(), webhooks->end(), [&](const Webhook& each) { return each.webhook_id == id; });
  // Only what Mem0 lists for this key: an id in a path is anybody's guess.
  if (found == webhooks->end())
    return Refuse(404, "not_found", "Mem0 has no such webhook in this project", "GET the project's webhooks");
  return *found;
}

Answer Update(Call& call, const Parts& parts) {
  call.object = call.Path("webhook");
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    auto webhook = Listed(subject, call.object);
    if (!webhook) return tl::unexpected<Problem>(webhook.error());
    for (const auto& [field, ignored] : call.body.items()) call.detail["changes"].push_back(field);
    webhook->name = call.body.value("name", webhook->name);
    webhook->url = call.body.value("url", webhook->url);
    webhook->event_types = call.body.value("events", webhook->event_types);
    const auto updated = subject.client.UpdateWebhook(call.object, *webhook);
    if (!updated) return RefuseFromMem0(updated.error(), subject.client);
    return Seen(*webhook, subject, call);
  });
}

Answer Delete(Call& call, const Parts& parts) {
  call.object = call.Path("webhook");
  return ForProject(call, parts, [&](const Subject& subject) -> Answer {
    const auto webhook = Listed(subject, call.object);
    if (!webhook) return tl::unexpected<Problem>(webhook.error());
    const auto deleted = subject.client.DeleteWebhook(call.object);
    if (!deleted && deleted.error().code != ErrorCode::kNotFound) return RefuseFromMem0(deleted.error(), subject.client);
    return ordered_json{{"webhooks", ordered_json::array({call.object})}};
  });
}

}  // namespace

void AddWebhookCalls(Handlers& handlers, const Parts& parts) {
  handlers["surveyWebhooks"] = [&parts](Call& call) { return Survey(call, parts); };
  handlers["applyWebhooks"] = [&parts](Call& call) { return Apply(call, parts); };
  handlers["rotateWebhook"] = [&parts](Call& call) { return Rotate(call, parts); };
  handlers["removeWebhooks"] = [&parts](Call& call) { return RemoveOurs(call, parts); };
  handlers["createWebhook"] = [&parts](Call& call) { return Create(call, parts); };
  handlers["updateWebhook"] = [&parts](Call& call) { return Update(call, parts); };
  handlers["deleteWebhook"] = [&parts](Call& call) { return Delete(call, parts); };
}

}  // namespace membridge::admin::api
