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

/// Reads rows of one target table in a transaction, set-wise: each call runs a fixed number of statements for any number of rows.
/// Throws postgres::SqlFailure, or a Refusal when two rows have the same identity.
class TableReader {
 public:
  /// Both outlive it.
  TableReader(const TargetTable& table, postgres::Transaction& transaction) : table_(table), sql_(table, transaction) {}

  /// How rows are locked. A call does not wait for a row that another transaction holds: PostgreSQL refuses it at once (55P03).
  enum class Lock {
    kNone,   ///< no lock; needs no UPDATE right
    kWrite,  ///< FOR NO KEY UPDATE: others may still refer to the row, but not write it
  };
  /// Returns the rows that match each key value (objects by NameOf), alive or not. At most two live ones matter.
  std::vector<std::vector<Image>> Find(Lock lock, const std::vector<TargetTable::KeyColumn>& key,
                                       const std::vector<nlohmann::json>& values) const;
  enum class Purpose {
    kMake,     ///< to make rows of this key: locked, so that only one transaction makes each
    kLook,     ///< to look for missing rows: locked shared with others that look, exclusive against those that make rows
    kCompare,  ///< to compare with what others look for: the same numbers without locks
  };
  /// Returns a number per key value, in the order of `values`, and takes a transaction-scoped advisory lock on each, in one order
  /// for all callers. Keys that are equal by their columns' types (citext, numeric 1.0 and 1.00, lower()) get equal numbers.
  /// kMake does not wait for another transaction that makes one of the rows: PostgreSQL refuses it with 55P03.
  std::vector<std::string> NumbersFor(Purpose purpose, const std::vector<TargetTable::KeyColumn>& key,
                                      const std::vector<nlohmann::json>& values) const;
  /// Returns the rows of these identities, locked in one order; nothing for a row that does not exist.
  std::vector<std::optional<Image>> Fetch(Lock lock, const std::vector<nlohmann::json>& identities) const;
  /// Returns each value as its column's type prints it. Takes pairs of column and value, and keeps their order.
  std::vector<Content> Normalise(const std::vector<std::pair<std::size_t, nlohmann::json>>& values) const;

 private:
  bool IsAsItIs(std::size_t column, const nlohmann::json& value) const;

  const TargetTable& table_;
  TableSql sql_;
};

}  // namespace membridge::sync
