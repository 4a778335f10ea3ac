#include "admin/webhooks/turn.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <thread>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/mem0/backoff.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using sync::Lease;
using sync::Token;
using sync::mem0::Client;
using sync::mem0::Webhook;
using TurnKind = WebhookStep::Kind;

constexpr std::chrono::seconds kLease = 5min;  // longer than any single call to Mem0 takes
constexpr auto kAskForLease = 250ms;
constexpr int kTries = 4;
constexpr std::array kConfirmations{0ms, 250ms, 500ms, 1'000ms, 2'000ms};

/// Returns an address for comparison, because Mem0 may add a slash at its end.
std::string_view Comparable(std::string_view url) {
  return url.ends_with('/') ? url.substr(0, url.size() - 1) : url;
}

/// Whether the webhook that Mem0 lists equals the one that was sent.
bool IsAs(const Webhook& listed, const Webhook& wanted) {
  return listed.name == wanted.name && Comparable(listed.url) == Comparable(wanted.url) &&
         CanonicalEvents(listed.event_types) == CanonicalEvents(wanted.event_types);
}

template <class IsIt>
auto Shows(IsIt is_it) {
  return [is_it](const std::vector<Webhook>& listed) { return std::any_of(listed.begin(), listed.end(), is_it); };
}

tl::unexpected<Error> Stopping() {
  return Fail(ErrorCode::kUnavailable, "webhooks: stopping");
}

}  // namespace

WebhookTurn::WebhookTurn(Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
                         const ApplyOptions& options)
    : client_(client), session_(session), desired_(desired), options_(options), ledger_(session, desired.project) {}

Result<void> WebhookTurn::Begin() {
  const std::string name = "webhooks " + desired_.project.Text();
  for (auto waited = 0ms;; waited += kAskForLease) {
    if (auto lease = Lease::Take(session_, name, kLease)) {
      lease_.emplace(std::move(*lease));
      break;
    }
    if (waited >= options_.patience) {
      return Fail(ErrorCode::kBusy, fmt::format("webhooks of '{}': another process is changing them", desired_.project.Text()));
    }
    if (!Wait(kAskForLease)) return Stopping();
  }
  auto account = client_.Ping();
  if (!account) return tl::unexpected<Error>(account.error());
  mem0_project_ = account->project_id;
  auto listed = client_.ListWebhooks(mem0_project_);
  if (!listed) return tl::unexpected<Error>(listed.error());
  listed_ = std::move(*listed);
  ledger_.Claim();
  // Read the records after the list. Otherwise a webhook that another process made and recorded in between would look foreign.
  books_ = ledger_.Read();
  return {};
}

Result<void> WebhookTurn::CarryOut(const WebhookStep& step) {
  const Webhook* webhook = Find(step.webhook_id);
  switch (step.kind) {
    case TurnKind::kKeep:
    case TurnKind::kLeave:
    case TurnKind::kReport:
      return {};
    case TurnKind::kRecord:
      return Record(*webhook);
    case TurnKind::kCreate:
      return Create();
    case TurnKind::kUpdate:
      return Update(*webhook, step.changes);
    case TurnKind::kReplace:
      return Replace(*webhook);
    case TurnKind::kRemove:
      return Remove(*webhook);
    case TurnKind::kForget:
      ledger_.Forget(step.webhook_id, "", 0s);
      return {};
  }
  return {};
}

const Webhook* WebhookTurn::Ours() const {
  for (const WebhookStep& step : Plan().steps) {
    const Webhook* webhook = step.kind == TurnKind::kRemove || step.kind == TurnKind::kLeave ? nullptr : Find(step.webhook_id);
    if (webhook != nullptr && Judge().OwnershipOf(*webhook) == Ownership::kOurs) return webhook;
  }
  return nullptr;
}

std::vector<const Webhook*> WebhookTurn::AllOurs() const {
  std::vector<const Webhook*> ours;
  for (const Webhook& webhook : listed_) {
    if (Judge().OwnershipOf(webhook) == Ownership::kOurs && !Judge().IsLeft(webhook)) ours.push_back(&webhook);
  }
  return ours;
}

std::vector<std::string> WebhookTurn::Gone() const {
  std::vector<std::string> gone;
  for (const OwnedWebhook& owned : books_.webhooks) {
    if (Find(owned.webhook_id) == nullptr) gone.push_back(owned.webhook_id);
  }
  return gone;
}

Result<Rotation> WebhookTurn::MoveToNewToken(const Webhook& webhook, bool heard) {
  const Token* old = Judge().TokenOf(webhook);
  const std::string replaced = old != nullptr ? old->id : "";
  const IssuedToken token = ledger_.Issue(replaced, options_.overlap);
  if (!MakeKnown()) return Stopping();
  const Webhook wanted = Wanted(token.text);
  auto moved =
      Insist([&] { return client_.UpdateWebhook(webhook.webhook_id, wanted); },
             Shows([&](const Webhook& listed) { return listed.webhook_id == webhook.webhook_id && IsAs(listed, wanted); }));
  if (!moved) {
    // The old address stays in use, so keep its token for longer than the day that Issue() left it. The new address may appear
    // late if Mem0 said that it accepted it.
    const std::string kept = old != nullptr && !old->expires_at ? replaced : "";
    if (unconfirmed_) {
      ledger_.KeepBoth(kept);
    } else if (moved.error().code != ErrorCode::kUnavailable) {
      ledger_.Withdraw(token.id, kept);
    }
    return tl::unexpected<Error>(moved.error());
  }
  if (!heard) ledger_.WantCatchUp("the webhook's address did not lead here");
  ledger_.Register(webhook.webhook_id, desired_.name, token.id, replaced, options_.overlap);
  Tell("webhook_moved_to_new_token", webhook.webhook_id);
  return Rotation{webhook.webhook_id, token.id, replaced, options_.overlap};
}

Result<void> WebhookTurn::Remove(const Webhook& webhook) {
  if (auto deleted = Delete(webhook.webhook_id); !deleted) return deleted;
  ledger_.Forget(webhook.webhook_id, TokenOnlyOf(webhook), options_.overlap);
  Tell("webhook_removed", webhook.webhook_id);
  return {};
}

Result<void> WebhookTurn::Delete(const std::string& webhook_id) {
  if (auto held = Hold(); !held) return held;
  auto deleted = client_.DeleteWebhook(webhook_id);
  if (!deleted && deleted.error().code != ErrorCode::kNotFound) return deleted;
  return Confirm([&](const std::vector<Webhook>& listed) {
    return std::none_of(listed.begin(), listed.end(), [&](const Webhook& one) { return one.webhook_id == webhook_id; });
  });
}

const Webhook* WebhookTurn::Find(const std::string& webhook_id) const {
  const auto found = std::find_if(listed_.begin(), listed_.end(), [&](const Webhook& w) { return w.webhook_id == webhook_id; });
  return found == listed_.end() ? nullptr : &*found;
}

Webhook WebhookTurn::Wanted(const std::string& token) const {
  return {"", desired_.name, desired_.UrlPrefix() + token, desired_.events, true};
}

/// Returns the id of the token in this webhook's address; empty when another webhook of ours has the same token, as after a
/// create that was sent twice.
std::string WebhookTurn::TokenOnlyOf(const Webhook& webhook) const {
  const Token* token = Judge().TokenOf(webhook);
  const bool shared = std::any_of(listed_.begin(), listed_.end(), [&](const Webhook& other) {
    return other.webhook_id != webhook.webhook_id && Judge().TokenOf(other) == token;
  });
  return token != nullptr && !shared ? token->id : "";
}

Result<void> WebhookTurn::Record(const Webhook& webhook) {
  const bool pending = Judge().IsPending(webhook);
  ledger_.WantCatchUp("the webhook was recorded");
  ledger_.Register(webhook.webhook_id, webhook.name, pending ? Judge().TokenOf(webhook)->id : "", "", options_.overlap);
  Tell("webhook_recorded", webhook.webhook_id);
  return {};
}

Result<void> WebhookTurn::Create() {
  const IssuedToken token = ledger_.Issue("", options_.overlap);
  if (!MakeKnown()) return Stopping();
  const auto made = Make(Wanted(token.text));
  if (!made) {
    const bool unknown = made.error().code == ErrorCode::kUnavailable;
    // A webhook that is not listed may still have been made. Its token is valid for a day, so that the next run can find it.
    if (!unknown && !unconfirmed_) ledger_.Withdraw(token.id, "");
    return tl::unexpected<Error>(made.error());
  }
  ledger_.WantCatchUp("no webhook existed");
  ledger_.Register(*made, desired_.name, token.id, "", options_.overlap);
  Tell("webhook_created", *made);
  return {};
}

Result<std::string> WebhookTurn::Make(const Webhook& wanted) {
  std::string webhook_id;
  const auto made = Insist(
      [&]() -> Result<void> {
        auto created = client_.CreateWebhook(mem0_project_, wanted);
        if (!created) return tl::unexpected<Error>(created.error());
        webhook_id = created->webhook_id;
        return {};
      },
      Shows([&](const Webhook& listed) {
        if (!IsAs(listed, wanted) || Find(listed.webhook_id) != nullptr) return false;
        webhook_id = listed.webhook_id;
        return true;
      }));
  if (!made) return tl::unexpected<Error>(made.error());
  return webhook_id;
}

Result<void> WebhookTurn::Update(const Webhook& webhook, const std::vector<std::string>& changes) {
  if (std::find(changes.begin(), changes.end(), "url") != changes.end()) {
    auto moved = MoveToNewToken(webhook, false);
    if (!moved) return tl::unexpected<Error>(moved.error());
    return {};
  }
  if (auto changed = Change(webhook.webhook_id, {"", desired_.name, webhook.url, desired_.events, true}); !changed)
    return changed;
  if (std::find(changes.begin(), changes.end(), "events") != changes.end())
    ledger_.WantCatchUp("the webhook did not tell of all kinds of events");
  ledger_.Register(webhook.webhook_id, desired_.name, "", "", options_.overlap);
  Tell("webhook_updated", webhook.webhook_id);
  return {};
}

Result<void> WebhookTurn::Change(const std::string& webhook_id, const Webhook& wanted) {
  return Insist([&] { return client_.UpdateWebhook(webhook_id, wanted); },
                Shows([&](const Webhook& listed) { return listed.webhook_id == webhook_id && IsAs(listed, wanted); }));
}

Result<void> WebhookTurn::Replace(const Webhook& webhook) {
  // Create the new webhook first. Two webhooks deliver everything twice, which does no harm; without a webhook, deliveries would
  // be lost.
  if (auto created = Create(); !created) return created;
  return Remove(webhook);
}

/// Sends until Mem0 accepts or refuses. When there was no clear answer, `took` checks Mem0's list before it is sent again.
Result<void> WebhookTurn::Insist(const Send& send, const Took& took) {
  sync::mem0::Backoff backoff{{500ms, 10'000ms}};
  for (int attempt = 1;; ++attempt) {
    if (auto held = Hold(); !held) return held;
    Result<void> sent = send();
    if (sent) return Confirm(took);
    if (sent.error().code != ErrorCode::kUnavailable) return sent;
    const auto wait = std::max(client_.RetryAfter().value_or(0ms), backoff.Next());
    if (attempt == kTries || wait > kLease || !Wait(wait)) return sent;
    const auto listed = client_.ListWebhooks(mem0_project_);
    if (!listed && listed.error().code != ErrorCode::kUnavailable) return tl::unexpected<Error>(listed.error());
    if (!listed) return sent;  // sending blindly could make two
    if (took(*listed)) return {};
  }
}

/// Checks a write that Mem0 confirmed: its list must show the result. Mem0 reads from replicas, so the check waits some time.
Result<void> WebhookTurn::Confirm(const Took& took) {
  for (const auto wait : kConfirmations) {
    if (wait > 0ms && !Wait(wait)) return Stopping();
    if (auto held = Hold(); !held) return held;
    const auto listed = client_.ListWebhooks(mem0_project_);
    if (!listed) return tl::unexpected<Error>(listed.error());
    if (took(*listed)) return {};
  }
  unconfirmed_ = true;
  return Fail(ErrorCode::kRefused,
              fmt::format("webhooks of '{}': Mem0 says that it is done, and its list does not show it", desired_.project.Text()),
              "the token from before goes on being accepted; try again later, and tell Mem0 if this goes on");
}

Result<void> WebhookTurn::Hold() {
  if (lease_->Renew(kLease)) return {};
  return Fail(ErrorCode::kBusy, fmt::format("webhooks of '{}': another process took over", desired_.project.Text()));
}

bool WebhookTurn::MakeKnown() const {
  if (options_.issued) options_.issued();
  return Wait(options_.known_within);
}

bool WebhookTurn::Wait(std::chrono::milliseconds time) const {
  if (options_.wait) return options_.wait(time);
  std::this_thread::sleep_for(time);
  return true;
}

void WebhookTurn::Tell(std::string_view event, const std::string& webhook_id) const {
  Log(LogLevel::kInfo, event, {{"project", desired_.project.Text()}, {"webhook", webhook_id}});
}

}  // namespace membridge::admin
