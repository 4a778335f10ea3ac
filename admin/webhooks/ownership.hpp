#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// Whose each webhook is and what is known of its token; shared by planning, viewing, rotating and removing.
class WebhookJudge {
 public:
  /// All three outlive the judge.
  WebhookJudge(const WebhookBooks& books, const DesiredWebhook& desired, PlanChoices choices);

  Ownership OwnershipOf(const sync::mem0::Webhook& webhook) const;
  bool IsInBooks(const sync::mem0::Webhook& webhook) const;
  /// Whether its address leads to this project's receiver, whatever the token.
  bool LeadsHere(const sync::mem0::Webhook& webhook) const;
  /// Whether it is ours by the books, but not to be touched: it leads elsewhere, or another state database has it.
  bool IsLeft(const sync::mem0::Webhook& webhook) const;
  /// Whether another state database registered it.
  bool IsOfAnotherState(const sync::mem0::Webhook& webhook) const;
  /// The token of ours that ends its address; nullptr when there is none.
  const sync::Token* TokenOf(const sync::mem0::Webhook& webhook) const;
  /// Whether deliveries through it are let in, and will be: it leads here, with a token that does not expire. The newest token
  /// counts as permanent although it expires: its webhook was made and not written down.
  bool IsOpen(const sync::mem0::Webhook& webhook) const;
  /// A token still to be made permanent.
  bool IsPending(const sync::mem0::Webhook& webhook) const;

 private:
  const WebhookBooks& books_;
  PlanChoices choices_;
  std::string name_;
  std::string prefix_;
  std::map<std::string, const sync::Token*, std::less<>> by_hash_;
  const sync::Token* newest_ = nullptr;
};

/// Event names as they are compared: older installations hold `memory:add`, which is the same event as `memory_add`.
std::set<std::string> CanonicalEvents(const std::vector<std::string>& events);

}  // namespace membridge::admin
