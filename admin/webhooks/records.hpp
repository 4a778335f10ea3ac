#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "admin/webhooks/webhooks.hpp"

namespace membridge::admin {

/// How long a token is valid when it is not known whether Mem0 has its address: long enough for the next run to find out.
inline constexpr std::chrono::seconds kPendingToken = std::chrono::hours{24};

/// A new token. It expires unless its address is known to be registered.
struct IssuedToken {
  std::string id;
  std::string text;  ///< the secret: goes into the address and nowhere else
};

/// The records of webhooks in the state database. Each call is a transaction of its own. All functions throw
/// postgres::SqlFailure. Threads: one.
class WebhookLedger {
 public:
  /// The session outlives the ledger.
  WebhookLedger(sync::postgres::Session& session, ProjectId project) : session_(session), project_(std::move(project)) {}

  WebhookBooks Read() const;
  /// Assigns older webhooks, for which no state database was recorded, to this state database.
  void Claim() const;
  /// Issues a token that expires after kPendingToken unless it is registered. The token `replaced` (an id, or empty) then expires
  /// after the longer of kPendingToken and `overlap`, if not earlier.
  IssuedToken Issue(const std::string& replaced, std::chrono::seconds overlap) const;
  /// Records that Mem0 has the webhook: makes its token permanent, and lets its previous token `replaced` (an id, or empty)
  /// expire after `overlap`.
  void Register(const std::string& webhook_id, const std::string& name, const std::string& token, const std::string& replaced,
                std::chrono::seconds overlap) const;
  /// Requests a sweep for changes that no webhook may have reported. Call it before Register(), so that a crash between the two
  /// loses nothing.
  void WantCatchUp(std::string_view reason) const;
  /// Records that Mem0 refused: deletes the new token and makes the token that it should replace permanent again.
  void Withdraw(const std::string& token, const std::string& replaced) const;
  /// Records that Mem0 may or may not have the new address: the token to be replaced (an id, or empty) is permanent again, and
  /// the new one stays until it expires.
  void KeepBoth(const std::string& replaced) const;
  /// Records that Mem0 no longer has the webhook; its token (an id, or empty) expires after `overlap`.
  void Forget(const std::string& webhook_id, const std::string& token, std::chrono::seconds overlap) const;

 private:
  sync::postgres::Session& session_;
  ProjectId project_;
};

}  // namespace membridge::admin
