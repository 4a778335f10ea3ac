#pragma once

#include <optional>
#include <string>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Suppressions of erased people, on their way between a state and a ledger: they stand in both. Functions throw
/// postgres::SqlFailure.
class KeptOut {
 public:
  /// What came and went in the state since then (nothing: ever).
  static KeptOut OfState(postgres::Session& state, const std::optional<std::string>& since);
  static KeptOut OfLedger(postgres::Session& there);

  void TellLedger(postgres::Transaction& there) const;
  /// All but those whom the state has admitted again since. Nobody who is about to write misses them.
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
