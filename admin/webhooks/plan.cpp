#include <algorithm>
#include <set>
#include <tuple>

#include "admin/webhooks/ownership.hpp"
#include "admin/webhooks/webhooks.hpp"
#include "sync/mem0/complaint.hpp"
#include "sync/mem0/redact.hpp"

namespace membridge::admin {
namespace {

using sync::mem0::RedactUrl;
using sync::mem0::Webhook;
using PlanKind = WebhookStep::Kind;

// Mem0 reads from replicas, so a new webhook may not be listed for this long. It must not be made again.
constexpr auto kListedWithin = std::chrono::minutes{2};

class Planner {
 public:
  Planner(const std::vector<Webhook>& listed, const WebhookBooks& books, const DesiredWebhook& desired, PlanChoices choices)
      : listed_(listed), books_(books), desired_(desired), choices_(choices), judge_(books, desired, choices) {}

  WebhookPlan Plan() {
    for (const Webhook& webhook : listed_) {
      if (judge_.OwnershipOf(webhook) != Ownership::kOurs) continue;
      if (judge_.IsLeft(webhook)) {
        Leave(webhook);
      } else {
        ours_.push_back(&webhook);
      }
    }
    ForgetGone();
    if (!ours_.empty()) {
      // Keep the webhook that needs the fewest changes and remove the others.
      std::sort(ours_.begin(), ours_.end(), [this](const Webhook* a, const Webhook* b) { return RankOf(*a) < RankOf(*b); });
      Settle(*ours_.front());
      for (auto extra = ours_.begin() + 1; extra != ours_.end(); ++extra) {
        Step(PlanKind::kRemove, **extra, "ours, but " + ours_.front()->webhook_id + " does the same");
      }
    } else if (!made_moments_ago_ && !left_) {
      plan_.steps.push_back(
          {PlanKind::kCreate, "", desired_.name, desired_.UrlPrefix() + "***", {}, "Mem0 has no webhook of this bridge"});
    }
    for (const Webhook& webhook : listed_) Report(webhook);
    return std::move(plan_);
  }

 private:
  WebhookStep& Step(PlanKind kind, const Webhook& webhook, std::string reason = {}) {
    return plan_.steps.emplace_back(WebhookStep{kind,
                                                webhook.webhook_id,
                                                sync::mem0::OneLine(webhook.name, 80),
                                                RedactUrl(webhook.url, desired_.UrlPrefix()),
                                                {},
                                                std::move(reason)});
  }

  std::tuple<bool, bool, bool, std::string> RankOf(const Webhook& webhook) const {
    return {!webhook.is_active, !judge_.IsOpen(webhook), !judge_.IsInBooks(webhook), webhook.webhook_id};
  }

  void Leave(const Webhook& webhook) {
    left_ = true;
    Step(PlanKind::kLeave, webhook,
         judge_.LeadsHere(webhook) ? "another state database registered it, and this one is a copy or was restored from it; if "
                                     "this bridge is the one to "
                                     "go on, run membridge webhooks apply --take-over"
                                   : "it leads to another bridge, or somebody changed its address at Mem0; if it is to lead "
                                     "here, run membridge webhooks "
                                     "apply --take-over");
  }

  void ForgetGone() {
    for (const OwnedWebhook& owned : books_.webhooks) {
      const bool listed =
          std::any_of(listed_.begin(), listed_.end(), [&](const Webhook& w) { return w.webhook_id == owned.webhook_id; });
      if (listed) continue;
      if (books_.now - owned.created_at < kListedWithin) {
        made_moments_ago_ = true;
        plan_.steps.push_back({PlanKind::kKeep,
                               owned.webhook_id,
                               desired_.name,
                               desired_.UrlPrefix() + "***",
                               {},
                               "made moments ago, not listed yet"});
      } else {
        plan_.steps.push_back({PlanKind::kForget, owned.webhook_id, "", "", {}, "somebody deleted it at Mem0"});
      }
    }
  }

  void Settle(const Webhook& webhook) {
    if (!webhook.is_active && choices_.reactivate) {
      Step(PlanKind::kReplace, webhook, "Mem0 has switched it off, and only a new one is switched on");
      return;
    }
    if (!webhook.is_active)
      Step(PlanKind::kReport, webhook, "switched off at Mem0: nothing is delivered; switch it on there, or let it be replaced")
          .off = true;

    std::vector<std::string> changes;
    std::string reason;
    if (webhook.name != desired_.name) changes.emplace_back("name");
    if (!judge_.IsOpen(webhook)) {
      changes.emplace_back("url");
      const sync::Token* token = judge_.TokenOf(webhook);
      reason = !judge_.LeadsHere(webhook) ? "its address leads elsewhere"
               : token == nullptr         ? "its token is not known here"
                                          : "its token expires";
    }
    if (CanonicalEvents(webhook.event_types) != CanonicalEvents(desired_.events)) changes.emplace_back("events");

    if (judge_.IsOfAnotherState(webhook)) {
      Step(PlanKind::kRecord, webhook, "taken over from another state database");
    } else if (!judge_.IsInBooks(webhook) || judge_.IsPending(webhook)) {
      Step(PlanKind::kRecord, webhook, judge_.TokenOf(webhook) != nullptr ? "made by us and not written down" : "taken over");
    }
    if (!changes.empty()) {
      Step(PlanKind::kUpdate, webhook, std::move(reason)).changes = std::move(changes);
    } else if (webhook.is_active) {
      Step(PlanKind::kKeep, webhook);
    }
  }

  void Report(const Webhook& webhook) {
    switch (judge_.OwnershipOf(webhook)) {
      case Ownership::kOurs:
        return;
      case Ownership::kLookalike:
        Step(PlanKind::kReport, webhook,
             "leads here with a token that is not ours: another deployment has the same public_url, or the database was lost; "
             "its deliveries are refused");
        return;
      case Ownership::kForeign:
        Step(PlanKind::kReport, webhook,
             webhook.name == desired_.name ? "not this bridge's, though it has this bridge's name" : "not ours");
    }
  }

  const std::vector<Webhook>& listed_;
  const WebhookBooks& books_;
  const DesiredWebhook& desired_;
  const PlanChoices choices_;
  const WebhookJudge judge_;
  std::vector<const Webhook*> ours_;
  bool made_moments_ago_ = false;
  bool left_ = false;
  WebhookPlan plan_;
};

}  // namespace

WebhookPlan PlanWebhooks(const std::vector<Webhook>& listed, const WebhookBooks& books, const DesiredWebhook& desired,
                         PlanChoices choices) {
  return Planner{listed, books, desired, choices}.Plan();
}

WebhookStanding StandingOf(const WebhookPlan& plan, bool carried_out) {
  for (const WebhookStep& step : plan.steps) {
    if (step.kind == PlanKind::kLeave) return {WebhookTrouble::kElsewhere, step.webhook_id + ": " + step.reason};
  }
  for (const WebhookStep& step : plan.steps) {
    if (step.off) return {WebhookTrouble::kOff, step.webhook_id + ": " + step.reason};
    if (step.kind == PlanKind::kCreate && !carried_out) return {WebhookTrouble::kOff, "Mem0 has no webhook of this bridge"};
  }
  return {};
}

bool WebhookPlan::Changes() const {
  return std::any_of(steps.begin(), steps.end(), [](const WebhookStep& step) {
    return step.kind != PlanKind::kKeep && step.kind != PlanKind::kReport && step.kind != PlanKind::kLeave;
  });
}

std::vector<WebhookView> ViewWebhooks(const std::vector<Webhook>& listed, const WebhookBooks& books,
                                      const DesiredWebhook& desired) {
  const WebhookJudge judge{books, desired, {}};
  std::vector<WebhookView> views;
  for (const Webhook& webhook : listed) {
    const sync::Token* token = judge.TokenOf(webhook);
    views.push_back({webhook.webhook_id, sync::mem0::OneLine(webhook.name, 80), RedactUrl(webhook.url, desired.UrlPrefix()),
                     webhook.event_types, webhook.is_active, judge.OwnershipOf(webhook),
                     token != nullptr ? std::optional{*token} : std::nullopt});
  }
  return views;
}

}  // namespace membridge::admin
