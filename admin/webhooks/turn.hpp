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

/// One process's turn at a project's webhooks: shared by applying, rotating, removing and editing. What it is given outlives it;
/// the rules are those of webhooks.hpp.
class WebhookTurn {
 public:
  using Webhook = sync::mem0::Webhook;

  WebhookTurn(sync::mem0::Client& client, sync::postgres::Session& session, const DesiredWebhook& desired,
              const ApplyOptions& options);

  /// Waits for our turn and reads what there is.
  Result<void> Begin();

  WebhookPlan Plan() const { return PlanWebhooks(listed_, books_, desired_, options_.choices); }
  Result<void> CarryOut(const WebhookStep& step);

  /// Our webhook, as the plan sees it; nullptr when there is none.
  const Webhook* Ours() const;
  std::vector<const Webhook*> AllOurs() const;
  /// What is in the books and not at Mem0.
  std::vector<std::string> Gone() const;
  /// A webhook at Mem0, whosever it is; nullptr when there is none of this id.
  const Webhook* Find(const std::string& webhook_id) const;
  const std::vector<Webhook>& Listed() const { return listed_; }
  const WebhookBooks& Books() const { return books_; }
  Ownership OwnershipOf(const Webhook& webhook) const { return Judge().OwnershipOf(webhook); }

  void Forget(const std::string& webhook_id) { ledger_.Forget(webhook_id, "", options_.overlap); }
  /// PUTs an address with a new token; both tokens open the door for the overlap. `heard`: its deliveries came here before.
  Result<Rotation> MoveToNewToken(const Webhook& webhook, bool heard = true);
  Result<void> Remove(const Webhook& webhook);

  /// Creates this webhook at Mem0 as it is given, once, however often the answer is lost, and returns its id.
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
  bool unconfirmed_ = false;  // Mem0 said that the last write is done, and did not show it
};

/// Runs work of a turn; the database's failures become errors here.
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
