#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "admin/webhooks/ownership.hpp"
#include "admin/webhooks/records.hpp"
#include "admin/webhooks/webhooks.hpp"
#include "sync/postgres/lease.hpp"

namespace membridge::admin {

/// The exclusive turn of one process to change a project's webhooks. Applying, rotating, removing and editing use it. Everything
/// it is given outlives it; the rules are those of webhooks.hpp. Threads: one.
class WebhookTurn {
 public:
  using Webhook = sync::mem0::Webhook;

  WebhookTurn(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
              const ApplyOptions& options);

  /// Waits for the turn and reads the webhooks at Mem0 and the records.
  Result<void> Begin();

  WebhookPlan Plan() const { return PlanWebhooks(listed_, books_, desired_, options_.choices); }
  Result<void> CarryOut(const WebhookStep& step);

  /// Returns our webhook according to the plan; nullptr when there is none.
  const Webhook* Ours() const;
  std::vector<const Webhook*> AllOurs() const;
  /// Returns the ids of webhooks that are recorded but no longer at Mem0.
  std::vector<std::string> Gone() const;
  /// Returns any webhook at Mem0 by its id; nullptr when there is none.
  const Webhook* Find(const std::string& webhook_id) const;
  const std::vector<Webhook>& Listed() const { return listed_; }
  const WebhookBooks& Books() const { return books_; }
  Ownership OwnershipOf(const Webhook& webhook) const { return Judge().OwnershipOf(webhook); }

  void Forget(const std::string& webhook_id) { ledger_.Forget(webhook_id, "", options_.overlap); }
  /// PUTs an address with a new token. Both tokens are accepted for the overlap. `heard`: its deliveries have reached this bridge
  /// before.
  Result<Rotation> MoveToNewToken(const Webhook& webhook, bool heard = true);
  Result<void> Remove(const Webhook& webhook);

  /// Creates this webhook at Mem0, only once even when answers are lost, and returns its id.
  Result<std::string> Make(const Webhook& wanted);
  /// PUTs name, address and events.
  Result<void> Change(const std::string& webhook_id, const Webhook& wanted);
  Result<void> Delete(const std::string& webhook_id);
  void Tell(std::string_view event, const std::string& webhook_id) const;

 private:
  using Send = std::function<Result<void>()>;
  using Took = std::function<bool(const std::vector<Webhook>&)>;

  WebhookJudge Judge() const { return WebhookJudge{books_, desired_, options_.choices}; }
  Webhook Wanted(const std::string& token) const;
  std::string TokenOnlyOf(const Webhook& webhook) const;
  Result<void> Record(const Webhook& webhook);
  Result<void> Create();
  Result<void> Update(const Webhook& webhook, const std::vector<std::string>& changes);
  Result<void> Replace(const Webhook& webhook);
  Result<void> Insist(const Send& send, const Took& took);
  Result<void> Confirm(const Took& took);
  Result<void> Hold();
  bool MakeKnown() const;
  bool Wait(std::chrono::milliseconds time) const;

  sync::mem0::Client& client_;
  sync::postgres::Session& session_;
  const DesiredWebhook& desired_;
  const ApplyOptions& options_;
  WebhookLedger ledger_;
  std::optional<sync::Lease> lease_;
  std::string mem0_project_;
  std::vector<Webhook> listed_;
  WebhookBooks books_;
  bool unconfirmed_ = false;  // Mem0 confirmed the last write but did not list its result
};

/// Runs `work` in a turn. Database failures become errors.
template <class Work>
auto WithTurn(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
              const ApplyOptions& options, const Work& work) -> decltype(work(std::declval<WebhookTurn&>())) {
  try {
    WebhookTurn turn{client, session, desired, options};
    if (auto begun = turn.Begin(); !begun) return tl::unexpected<Error>(begun.error());
    return work(turn);
  } catch (const sync::postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("webhooks"));
  }
}

}  // namespace membridge::admin
