#pragma once

#include <map>
#include <optional>
#include <string>

#include "sync/postgres/kept_session.hpp"
#include "sync/targets/ledger_ties.hpp"

namespace membridge::sync {

/// The sessions of a part that writes to targets: one on the state and one per target database. Each is opened when it is first
/// needed and again after it broke. It also keeps the ledgers' admissions and forgets them when a session broke, because the new
/// session may lead to a restored database. They keep their plans. For one thread. Functions throw postgres::SqlFailure when a
/// database is away.
class TiedSessions {
 public:
  TiedSessions(std::string state_dsn, std::string application_name);

  const std::string& StateDsn() const { return state_dsn_; }
  postgres::Session& State() { return Unbroken(state_); }
  /// Returns a target's session. A target without a DSN uses the state's session.
  postgres::Session& Target(const std::optional<std::string>& dsn);
  /// Opens a new session on the same database, for checks that must not depend on the kept sessions.
  postgres::Session Another(const std::optional<std::string>& dsn) const;

  /// Whether every database with an open session answers. Does not throw.
  bool AllAnswer();

  LedgerTies& Ties() { return ties_; }

 private:
  postgres::Session& Unbroken(postgres::KeptSession& session);

  const std::string state_dsn_;
  const std::string application_name_;
  postgres::KeptSession state_;
  std::map<std::string, postgres::KeptSession> targets_;  // by DSN
  LedgerTies ties_;
};

}  // namespace membridge::sync
