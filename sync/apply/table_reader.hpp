#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sync/apply/table_sql.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Reads rows of one target table in a transaction, set-wise: each call is a fixed number of statements however many rows it is
/// about. Throws postgres::SqlFailure, or a Refusal where rows are alike.
class TableReader {
 public:
  /// Both outlive it.
  TableReader(const TargetTable& table, postgres::Transaction& transaction) : table_(table), sql_(table, transaction) {}

  /// How rows are taken. Nobody waits for a row that another transaction holds: PostgreSQL refuses it at once (55P03).
  enum class Lock {
    kNone,   ///< only looked at; needs no UPDATE right
    kWrite,  ///< FOR NO KEY UPDATE: others may refer to the row meanwhile, and nobody else writes it
  };
  /// Per key value (objects by NameOf), the rows that match it, alive or not; at most two alive ones matter.
  std::vector<std::vector<Image>> Find(Lock lock, const std::vector<TargetTable::KeyColumn>& key,
                                       const std::vector<nlohmann::json>& values) const;
  enum class Purpose {
    kMake,     ///< rows of this key: locked, so that only one makes it
    kLook,     ///< for a missing row: locked shared with others that look, exclusive against those that make it
    kCompare,  ///< with what others look for: the same numbers, and no lock
  };
  /// A number per key value, in the order of `values`, and a transaction-scoped advisory lock on it, taken in one order for
  /// everybody. Equal keys by the columns' types (citext, numeric 1.0 and 1.00, lower()) get equal numbers. Who makes rows does
  /// not wait for another who makes one of them: that is refused with 55P03.
  std::vector<std::string> NumbersFor(Purpose purpose, const std::vector<TargetTable::KeyColumn>& key,
                                      const std::vector<nlohmann::json>& values) const;
  /// Rows by identity, taken in order; nothing where there is none.
  std::vector<std::optional<Image>> Fetch(Lock lock, const std::vector<nlohmann::json>& identities) const;
  /// What each value looks like once its column's type has read it: pairs of column and value, answered in order.
  std::vector<Content> Normalise(const std::vector<std::pair<std::size_t, nlohmann::json>>& values) const;

 private:
  bool IsAsItIs(std::size_t column, const nlohmann::json& value) const;

  const TargetTable& table_;
  TableSql sql_;
};

}  // namespace membridge::sync
