#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Copies the suppressions of erased people between a state and a ledger, since both must hold them. Functions throw
/// postgres::SqlFailure.
class KeptOut {
 public:
  /// Reads the suppressions that were added or lifted in the state since `since` (nothing: ever).
  static KeptOut OfState(postgres::Session& state, const std::optional<std::string>& since);
  static KeptOut OfLedger(postgres::Session& there);

  void TellLedger(postgres::Transaction& there) const;
  /// Adds them to the state, except people that the state has admitted again since. Transactions that are about to write see
  /// them.
  void TellState(postgres::Transaction& state) const;

 private:
  struct Dated {
    postgres::Param hashes, times;
    bool empty = true;
  };
  static Dated DatedOf(const postgres::Rows& rows);

  postgres::Param salts_;
  Dated came_, went_;
};

}  // namespace membridge::sync
