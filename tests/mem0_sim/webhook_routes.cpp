#include "tests/mem0_sim/api.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

Json ShownWebhook(const Project& project, const Webhook& webhook) {
  return ObjectOf(webhook, project.account.owner, project.account.project_name);
}

Answer NoAccessToProject() {
  return WithStatus(403, {{"error", "You don't have access to this project"}});
}
Answer NoAccessToWebhook() {
  return WithStatus(403, {{"error", "You don't have access to this webhook"}});
}
Answer NoSuchWebhook() {
  return WithStatus(404, {{"error", "Webhook not found"}});
}

/// Whether this kind of write is answered as if it were done, and not done.
bool Ignores(const Project& project, const char* write) {
  return project.settings.webhooks_ignore.count(write) == 1;
}

Answer ListWebhooks(Project& project, const Call& call) {
  if (call.parts[0] != project.account.project_id) return NoAccessToProject();
  Json listed = Json::array();
  for (const Webhook& webhook : project.webhooks.All()) {
    if (!webhook.foreign) listed.push_back(ShownWebhook(project, webhook));
  }
  return Ok(listed);
}

Answer CreateWebhook(Project& project, const Call& call) {
  if (call.parts[0] != project.account.project_id) return NoAccessToProject();
  const Json errors = FieldErrors(call.body, false);
  if (!errors.empty()) return WithStatus(400, errors);
  Webhook webhook = NewWebhook(call.body, project.dice, project.clock.Now());
  if (Ignores(project, "create")) return WithStatus(201, ShownWebhook(project, webhook));
  return WithStatus(201, ShownWebhook(project, project.webhooks.Add(std::move(webhook))));
}

/// Answers a message, not the webhook, and does not know `is_active`.
Answer UpdateWebhook(Project& project, const Call& call) {
  Webhook* webhook = project.webhooks.Find(call.parts[0]);
  if (webhook == nullptr) return NoSuchWebhook();
  if (webhook->foreign) return NoAccessToWebhook();
  const Json errors = FieldErrors(call.body, true);
  if (!errors.empty()) return WithStatus(400, errors);
  if (Ignores(project, "update")) return Ok({{"message", "Webhook updated successfully"}});
  webhook->name = call.Text("name").value_or(webhook->name);
  webhook->url = call.Text("url").value_or(webhook->url);
  webhook->event_types = call.body.value("event_types", webhook->event_types);
  webhook->updated_at = project.clock.Now();
  return Ok({{"message", "Webhook updated successfully"}});
}

Answer DeleteWebhook(Project& project, const Call& call) {
  const Webhook* webhook = project.webhooks.Find(call.parts[0]);
  if (webhook == nullptr) return NoSuchWebhook();
  if (webhook->foreign) return NoAccessToWebhook();
  if (!Ignores(project, "delete")) project.webhooks.Remove(call.parts[0]);
  return Ok({{"message", "Webhook deleted successfully"}});
}

}  // namespace

std::vector<Route> WebhookRoutes() {
  return {{"GET", "/api/v1/webhooks/projects/{}/", "webhooks.list", ListWebhooks},
          {"POST", "/api/v1/webhooks/projects/{}/", "webhooks.create", CreateWebhook},
          {"PUT", "/api/v1/webhooks/{}/", "webhooks.update", UpdateWebhook},
          {"DELETE", "/api/v1/webhooks/{}/", "webhooks.delete", DeleteWebhook}};
}

}  // namespace membridge::mem0_sim
