#include "tests/mem0_sim/webhooks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tests/mem0_sim/calendar.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

/// The message for a text field, or nothing.
std::string TextError(const Json& body, const char* field, bool partial) {
  if (!body.contains(field)) return partial ? "" : "This field is required.";
  const Json& value = body[field];
  if (value.is_null()) return "This field may not be null.";
  if (!value.is_string()) return "Not a valid string.";
  return value.get_ref<const std::string&>().empty() ? "This field may not be blank." : "";
}

/// The errors of `event_types`: a list of messages, or an object by position when single members are wrong.
Json EventTypesError(const Json& body, bool partial) {
  if (!body.contains("event_types")) return partial ? Json{} : Json::array({"This field is required."});
  const Json& types = body["event_types"];
  if (!types.is_array())
    return Json::array(
        {fmt::format("Expected a list of items but got type \"{}\".", types.is_string() ? "str" : types.type_name())});
  if (types.empty()) return Json::array({"This list may not be empty."});
  Json wrong = Json::object();
  for (std::size_t i = 0; i < types.size(); ++i) {
    const auto& known = WebhookEventTypes();
    if (types[i].is_string() && std::find(known.begin(), known.end(), types[i].get<std::string>()) != known.end()) continue;
    const std::string shown = types[i].is_string() ? types[i].get<std::string>() : types[i].dump();
    wrong[std::to_string(i)] = Json::array({fmt::format("\"{}\" is not a valid choice.", shown)});
  }
  return wrong.empty() ? Json{} : wrong;
}

}  // namespace

bool Webhook::Wants(const std::string& event_type) const {
  return is_active && std::find(event_types.begin(), event_types.end(), event_type) != event_types.end();
}

const std::vector<std::string>& WebhookEventTypes() {
  static const std::vector<std::string> kTypes{"memory_add",        "memory_update",        "memory_delete",
                                               "memory_categorize", "ingest_job_completed", "ingest_job_partially_completed",
                                               "ingest_job_failed", "ingest_job_cancelled"};
  return kTypes;
}

Webhook* Webhooks::Find(const std::string& webhook_id) {
  const auto found =
      std::find_if(webhooks_.begin(), webhooks_.end(), [&](const Webhook& webhook) { return webhook.webhook_id == webhook_id; });
  return found == webhooks_.end() ? nullptr : &*found;
}

void Webhooks::Remove(const std::string& webhook_id) {
  webhooks_.erase(std::remove_if(webhooks_.begin(), webhooks_.end(),
                                 [&](const Webhook& webhook) { return webhook.webhook_id == webhook_id; }),
                  webhooks_.end());
}

Json ObjectOf(const Webhook& webhook, const std::string& owner, const std::string& project_name) {
  return {{"webhook_id", webhook.webhook_id},
          {"name", webhook.name},
          {"url", webhook.url},
          {"owner", owner},
          {"event_types", webhook.event_types},
          {"project", project_name},
          {"is_active", webhook.is_active},
          {"created_at", FormatAsMem0(webhook.created_at, Zone::kPacific)},
          {"updated_at", FormatAsMem0(webhook.updated_at, Zone::kPacific)}};
}

Webhook NewWebhook(const Json& body, Dice& dice, Instant now) {
  Webhook webhook;
  webhook.webhook_id = "wh_" + dice.NewUuid().Text().substr(0, 13);
  webhook.name = body.at("name");
  webhook.url = body.at("url");
  webhook.event_types = body.at("event_types").get<std::vector<std::string>>();
  webhook.is_active = body.value("is_active", true);
  webhook.created_at = webhook.updated_at = now;
  return webhook;
}

Json FieldErrors(const Json& body, bool partial) {
  Json errors = Json::object();
  for (const char* field : {"name", "url"}) {
    const std::string error = TextError(body, field, partial);
    if (!error.empty()) errors[field] = Json::array({error});
  }
  if (!errors.contains("url") && body.contains("url")) {
    const std::string url = body["url"].get<std::string>();
    if (url.rfind("http://", 0) != 0 && url.rfind("https://", 0) != 0) errors["url"] = Json::array({"Enter a valid URL."});
  }
  Json types = EventTypesError(body, partial);
  if (!types.is_null()) errors["event_types"] = std::move(types);
  return errors;
}

}  // namespace membridge::mem0_sim
