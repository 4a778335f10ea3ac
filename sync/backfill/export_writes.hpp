#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "sync/backfill/export_use.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/tied_sessions.hpp"

namespace membridge::sync {

/// The transactions that write an export's values: the state's, and one for each target in another database. The destructor rolls
/// back what is not committed. Functions throw postgres::SqlFailure.
class ExportWrites {
 public:
  /// Begins the state's transaction. The sessions outlive it.
  explicit ExportWrites(TiedSessions& sessions);

  postgres::Transaction& State() { return state_; }
  /// Returns the transaction that writes to a place, under a claim with this fence (0: without a claim). Throws SqlFailure with
  /// kLedgerChanged when the ledger is not the admitted one any more.
  postgres::Transaction& Of(const ExportPlace& place, std::int64_t fence);
  /// Commits all transactions but the state's, which the caller commits last. When that fails, the step runs again and finds the
  /// other databases already written.
  void CommitElsewhere();

 private:
  TiedSessions& sessions_;
  postgres::Transaction state_;
  std::map<std::string, postgres::Transaction> elsewhere_;  // by DSN
};

}  // namespace membridge::sync
