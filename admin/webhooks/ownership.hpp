#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// Decides who owns a webhook and what is known of its token. Planning, viewing, rotating and removing use it. Threads: one.
class WebhookJudge {
 public:
  /// All three outlive the judge.
  WebhookJudge(const WebhookBooks& books, const DesiredWebhook& desired, PlanChoices choices);

  Ownership OwnershipOf(const sync::mem0::Webhook& webhook) const;
  bool IsInBooks(const sync::mem0::Webhook& webhook) const;
  /// Whether its address leads to this project's receiver, with any token.
  bool LeadsHere(const sync::mem0::Webhook& webhook) const;
  /// Whether it is ours by the books but must not be touched, because it leads elsewhere or another state database registered it.
  bool IsLeft(const sync::mem0::Webhook& webhook) const;
  /// Whether another state database registered it.
  bool IsOfAnotherState(const sync::mem0::Webhook& webhook) const;
  /// Returns our token at the end of its address; nullptr when there is none.
  const sync::Token* TokenOf(const sync::mem0::Webhook& webhook) const;
  /// Whether its deliveries are accepted now and later: it leads here with a token that does not expire. The newest token counts
  /// as permanent even if it expires, because its webhook was made but not recorded.
  bool IsOpen(const sync::mem0::Webhook& webhook) const;
  /// Whether its token must still be made permanent.
  bool IsPending(const sync::mem0::Webhook& webhook) const;

 private:
  const WebhookBooks& books_;
  PlanChoices choices_;
  std::string name_;
  std::string prefix_;
  std::map<std::string, const sync::Token*, std::less<>> by_hash_;
  const sync::Token* newest_ = nullptr;
};

/// Returns event names in the form for comparisons. Older installations use `memory:add`, which is the same event as
/// `memory_add`.
std::set<std::string> CanonicalEvents(const std::vector<std::string>& events);

}  // namespace membridge::admin
