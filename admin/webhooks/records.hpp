#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// How long a token lives whose address Mem0 may or may not have: long enough for the next run to find out.
inline constexpr std::chrono::seconds kPendingToken = std::chrono::hours{24};

/// A new token, in the database until its address is known to be registered or it expires.
struct IssuedToken {
  std::string id;
  std::string text;  ///< the secret: goes into the address and nowhere else
};

/// What is written down about webhooks. Each call is a transaction of its own; all throw postgres::SqlFailure.
class WebhookLedger {
 public:
  /// The session outlives the ledger.
  WebhookLedger(sync::postgres::Session& session, ProjectId project) : session_(session), project_(std::move(project)) {}

  WebhookBooks Read() const;
  /// Webhooks from before it was written down who registered them are this state database's.
  void Claim() const;
  /// Issues a token that expires after kPendingToken unless it is kept; `replaced` (an id, or empty) expires no later than that
  /// either, or after `overlap` when that is longer.
  IssuedToken Issue(const std::string& replaced, std::chrono::seconds overlap) const;
  /// Mem0 has the webhook: it is in the books, its token is permanent, and the token it had before (an id, or empty) expires
  /// after `overlap`.
  void Register(const std::string& webhook_id, const std::string& name, const std::string& token, const std::string& replaced,
                std::chrono::seconds overlap) const;
  /// Changes may have come that no webhook told of: a sweep looks for them. To be called before Register, so that a crash between
  /// the two loses nothing.
  void WantCatchUp(std::string_view reason) const;
  /// Mem0 refused: the new token is gone, and the one it was to replace is permanent again.
  void Withdraw(const std::string& token, const std::string& replaced) const;
  /// Mem0 may or may not have taken a new address: the token that it was to replace (an id, or empty) is permanent again, and the
  /// new one stays until it expires.
  void KeepBoth(const std::string& replaced) const;
  /// Mem0 has the webhook no longer; its token (an id, or empty) expires after `overlap`.
  void Forget(const std::string& webhook_id, const std::string& token, std::chrono::seconds overlap) const;

 private:
  sync::postgres::Session& session_;
  ProjectId project_;
};

}  // namespace membridge::admin
