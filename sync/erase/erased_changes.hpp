#pragma once

#include <string>
#include <vector>

#include "sync/erase/erasure.hpp"
#include "sync/erase/erasure_target.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Takes a person out of the change feed, inside the transaction that erases them from the target. Private to erasure.
///
/// Of a row that is gone only the notice remains that it is deleted, with its key: whoever follows the feed must learn it. Of a
/// row that stays, entries lose the cells that the person's memories wrote, and every value from before a change, because it may
/// be the person's. What an endpoint was sent is counted under its name. Functions throw postgres::SqlFailure.
class ErasedChanges {
 public:
  /// Finds the rows of which entries may hold something of the person. Call it before the ledger forgets them. Both outlive it.
  ErasedChanges(postgres::Transaction& transaction, const ErasedSources& erased);

  /// Call it once everything else is erased and told.
  void Erase(ErasureCounts& counts);

 private:
  postgres::Transaction& transaction_;
  const ErasedSources& erased_;
  std::vector<std::string> relations_, identities_;  // parallel
};

}  // namespace membridge::sync
