#include <fmt/format.h>
#include <fmt/ranges.h>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

std::string DesiredWebhook::UrlPrefix() const {
  std::string_view base = public_url;
  while (base.ends_with('/')) base.remove_suffix(1);
  return fmt::format("{}/webhooks/{}/", base, project.Text());
}

std::string_view NameOf(Ownership ownership) {
  switch (ownership) {
    case Ownership::kOurs:
      return "ours";
    case Ownership::kLookalike:
      return "lookalike";
    case Ownership::kForeign:
      return "foreign";
  }
  return "foreign";
}

std::string_view NameOf(WebhookStep::Kind kind) {
  switch (kind) {
    case WebhookStep::Kind::kKeep:
      return "keep";
    case WebhookStep::Kind::kRecord:
      return "record";
    case WebhookStep::Kind::kCreate:
      return "create";
    case WebhookStep::Kind::kUpdate:
      return "update";
    case WebhookStep::Kind::kReplace:
      return "replace";
    case WebhookStep::Kind::kRemove:
      return "remove";
    case WebhookStep::Kind::kForget:
      return "forget";
    case WebhookStep::Kind::kReport:
      return "report";
    case WebhookStep::Kind::kLeave:
      return "leave";
  }
  return "report";
}

std::string Describe(const WebhookStep& step) {
  std::string line{NameOf(step.kind)};
  for (const std::string& part : {step.webhook_id, step.name, step.url}) {
    if (!part.empty()) line += " " + part;
  }
  if (!step.changes.empty()) line += fmt::format(": {}", fmt::join(step.changes, ", "));
  if (!step.reason.empty()) line += fmt::format(" ({})", step.reason);
  return line;
}

nlohmann::json ToJson(const WebhookStep& step) {
  return {{"step", NameOf(step.kind)}, {"webhook", step.webhook_id}, {"name", step.name},
          {"url", step.url},           {"changes", step.changes},    {"reason", step.reason}};
}

nlohmann::json ToJson(const sync::Token& token) {
  const auto time = [](const std::optional<Instant>& instant) {
    return instant ? nlohmann::json(FormatRfc3339(*instant)) : nlohmann::json();
  };
  return {{"id", token.id},
          {"created_at", FormatRfc3339(token.created_at)},
          {"expires_at", time(token.expires_at)},
          {"last_used", time(token.last_used)}};
}

nlohmann::json ToJson(const WebhookView& view) {
  nlohmann::json json{{"webhook", view.webhook_id}, {"name", view.name},           {"url", view.url},
                      {"events", view.events},      {"is_active", view.is_active}, {"ownership", NameOf(view.ownership)}};
  if (view.token) json["token"] = ToJson(*view.token);
  return json;
}

}  // namespace membridge::admin
