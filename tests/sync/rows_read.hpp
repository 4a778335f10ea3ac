#pragma once

#include <cstdint>
#include <string>

#include "sync/postgres/session.hpp"

namespace membridge::test {

/// Returns how many rows of the tables of `membridge` whose name fits the regular expression `names` this connection has read, by
/// whatever way, since it last reported: in the transaction so far, and before that.
inline std::int64_t RowsRead(sync::postgres::Transaction& transaction, const std::string& names) {
  return transaction
      .Run(
          "SELECT coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)::bigint FROM pg_stat_xact_user_tables "
          "WHERE schemaname = 'membridge' AND relname ~ $1",
          {names})
      .Int(0, 0);
}

}  // namespace membridge::test
