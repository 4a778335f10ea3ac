#include <utility>

#include "sync/mem0/answer.hpp"
#include "sync/mem0/client.hpp"
#include "sync/mem0/own_words.hpp"
#include "sync/mem0/paths.hpp"
#include "sync/mem0/wire.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;

constexpr Refusal kNoSuchWebhook{404, "error", "Webhook not found"};
constexpr Refusal kNoSuchProject{404, "message", "Organization or project not found"};

/// Older servers number their webhooks.
std::optional<std::string> IdOf(const json& object) {
  for (const char* key : {"webhook_id", "id"}) {
    if (auto text = TextAt(object, key); text && !text->empty()) return text;
    if (object.is_object() && object.contains(key) && object[key].is_number_integer()) return object[key].dump();
  }
  return std::nullopt;
}

std::optional<Webhook> ReadWebhook(const json& object) {
  auto id = IdOf(object);
  if (!id) return std::nullopt;
  Webhook webhook{std::move(*id), TextAt(object, "name").value_or(""), TextAt(object, "url").value_or(""), {}, true};
  if (object.contains("event_types") && object["event_types"].is_array()) {
    for (const json& type : object["event_types"]) {
      if (type.is_string()) webhook.event_types.push_back(type.get<std::string>());
    }
  }
  if (object.contains("is_active") && object["is_active"].is_boolean()) webhook.is_active = object["is_active"].get<bool>();
  return webhook;
}

/// The secret part of the address, so that it can be removed from an error that repeats it.
std::vector<std::string> SecretsIn(const Webhook& webhook) {
  const auto slash = webhook.url.rfind('/');
  return {webhook.url, slash == std::string::npos ? std::string{} : webhook.url.substr(slash + 1)};
}

json Body(const Webhook& webhook) {
  return {{"name", webhook.name}, {"url", webhook.url}, {"event_types", webhook.event_types}};
}

}  // namespace

Result<std::vector<Webhook>> Client::ListWebhooks(const std::string& mem0_project) {
  const auto answer = wire_->Call({.name = "list_webhooks",
                                   .path = paths::ProjectWebhooks(mem0_project),
                                   .subject = Subject::kWebhooks,
                                   .refusals = OwnRefusals({kNoSuchProject})});
  if (!answer) return tl::unexpected<Error>(answer.error());
  const auto list = ParseList(answer->body);
  // A list that was not understood must not count as empty: webhooks would be made again and again.
  if (!list || !list->broken.empty() || list->next)
    return Fail(ErrorCode::kUnavailable, "list_webhooks: the answer is not a whole list of webhooks");
  std::vector<Webhook> webhooks;
  for (const json& object : list->results) {
    auto webhook = ReadWebhook(object);
    if (!webhook) return Fail(ErrorCode::kUnavailable, "list_webhooks: a webhook without an id");
    webhooks.push_back(std::move(*webhook));
  }
  return webhooks;
}

Result<Webhook> Client::CreateWebhook(const std::string& mem0_project, const Webhook& webhook) {
  Request request{.name = "create_webhook",
                  .method = "POST",
                  .path = paths::ProjectWebhooks(mem0_project),
                  .subject = Subject::kWebhooks,
                  .creates = true,
                  .secrets = SecretsIn(webhook),
                  .refusals = OwnRefusals({kNoSuchProject})};
  request.body = Body(webhook);
  const auto answer = wire_->CallForJson(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  auto created = ReadWebhook(*answer);
  if (!created) return Fail(ErrorCode::kUnavailable, "create_webhook: the answer holds no id");
  return std::move(*created);
}

Result<void> Client::UpdateWebhook(const std::string& webhook_id, const Webhook& webhook) {
  Request request{.name = "update_webhook",
                  .method = "PUT",
                  .path = paths::Webhook(webhook_id),
                  .subject = Subject::kWebhooks,
                  .secrets = SecretsIn(webhook),
                  .refusals = OwnRefusals({kNoSuchWebhook})};
  request.body = Body(webhook);
  const auto answer = wire_->Call(request);
  if (!answer) return tl::unexpected<Error>(answer.error());
  return {};
}

Result<void> Client::DeleteWebhook(const std::string& webhook_id) {
  const auto answer = wire_->Call({.name = "delete_webhook",
                                   .method = "DELETE",
                                   .path = paths::Webhook(webhook_id),
                                   .subject = Subject::kWebhooks,
                                   .refusals = OwnRefusals({kNoSuchWebhook})});
  if (!answer) return tl::unexpected<Error>(answer.error());
  return {};
}

}  // namespace membridge::sync::mem0
