#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sync/backfill/export_use.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/tied_sessions.hpp"

namespace membridge::sync {

/// The transactions that write what exports say: the state's, and those of targets that live elsewhere. What is not committed is
/// rolled back. Functions throw postgres::SqlFailure.
class ExportWrites {
 public:
  /// Begins the state's transaction. The sessions outlive it.
  explicit ExportWrites(TiedSessions& sessions);

  postgres::Transaction& State() { return state_; }
  /// Where a place is written to, under a claim with this fence (0: under none). Throws SqlFailure of kLedgerChanged once the
  /// ledger is not the one any more that was asked.
  postgres::Transaction& Of(const ExportPlace& place, std::int64_t fence);
  /// Commits all but the state's, which comes last: what is committed elsewhere and not there is done again and finds nothing to
  /// do.
  void CommitElsewhere();

 private:
  TiedSessions& sessions_;
  postgres::Transaction state_;
  std::map<std::string, postgres::Transaction> elsewhere_;  // by DSN
};

}  // namespace membridge::sync
