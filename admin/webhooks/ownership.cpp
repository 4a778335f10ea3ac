#include "admin/webhooks/ownership.hpp"

#include <algorithm>

#include "mappings/base/letter_case.hpp"
#include "receiver/verify/token.hpp"

namespace membridge::admin {

using sync::Token;
using sync::mem0::Webhook;

WebhookJudge::WebhookJudge(const WebhookBooks& books, const DesiredWebhook& desired, PlanChoices choices)
    : books_(books), choices_(choices), name_(desired.name), prefix_(desired.UrlPrefix()) {
  for (const Token& token : books.tokens) {
    by_hash_[token.hash] = &token;
    if (newest_ == nullptr || token.created_at > newest_->created_at) newest_ = &token;
  }
}

bool WebhookJudge::IsInBooks(const Webhook& webhook) const {
  return std::any_of(books_.webhooks.begin(), books_.webhooks.end(),
                     [&](const OwnedWebhook& owned) { return owned.webhook_id == webhook.webhook_id; });
}

bool WebhookJudge::IsOfAnotherState(const Webhook& webhook) const {
  return std::any_of(books_.webhooks.begin(), books_.webhooks.end(), [&](const OwnedWebhook& owned) {
    return owned.webhook_id == webhook.webhook_id && !owned.state.empty() && owned.state != books_.state;
  });
}

bool WebhookJudge::IsLeft(const Webhook& webhook) const {
  if (choices_.take_over || OwnershipOf(webhook) != Ownership::kOurs) return false;
  return !LeadsHere(webhook) || IsOfAnotherState(webhook);
}

bool WebhookJudge::LeadsHere(const Webhook& webhook) const {
  return webhook.url.starts_with(prefix_);
}

const Token* WebhookJudge::TokenOf(const Webhook& webhook) const {
  // Look at the end of the address and not at our prefix: after a change of public_url, the token still proves that the webhook
  // is ours.
  const auto slash = webhook.url.rfind('/');
  if (slash == std::string::npos) return nullptr;
  const auto found = by_hash_.find(receiver::HashToken(std::string_view{webhook.url}.substr(slash + 1)));
  return found == by_hash_.end() ? nullptr : found->second;
}

Ownership WebhookJudge::OwnershipOf(const Webhook& webhook) const {
  if (IsInBooks(webhook) || TokenOf(webhook) != nullptr) return Ownership::kOurs;
  if (!LeadsHere(webhook)) return Ownership::kForeign;
  return choices_.adopt && webhook.name == name_ ? Ownership::kOurs : Ownership::kLookalike;
}

bool WebhookJudge::IsPending(const Webhook& webhook) const {
  const Token* token = TokenOf(webhook);
  return token != nullptr && token == newest_ && token->expires_at && *token->expires_at > books_.now;
}

bool WebhookJudge::IsOpen(const Webhook& webhook) const {
  const Token* token = TokenOf(webhook);
  if (token == nullptr || webhook.url != prefix_ + webhook.url.substr(webhook.url.rfind('/') + 1)) return false;
  return !token->expires_at || IsPending(webhook);
}

std::set<std::string> CanonicalEvents(const std::vector<std::string>& events) {
  std::set<std::string> names;
  for (const std::string& event : events) {
    std::string name = LoweredAscii(event);
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c == ':' || c == '.'; }, '_');
    names.insert(std::move(name));
  }
  return names;
}

}  // namespace membridge::admin
