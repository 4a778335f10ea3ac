#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_sql.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Writes rows of one target table in a transaction, set-wise: each call runs a fixed number of statements for any number of
/// rows. Throws postgres::SqlFailure or a Refusal.
class TableWriter {
 public:
  /// Both outlive it.
  TableWriter(const TargetTable& table, postgres::Transaction& transaction)
      : table_(table), sql_(table, transaction), reader_(table, transaction) {}

  /// Inserts rows (objects by column name). Uses a plain INSERT, because tables with deferrable constraints and some views refuse
  /// ON CONFLICT; a conflict throws PostgreSQL's error. Throws a Refusal when a trigger or rule swallowed a row.
  std::vector<Image> Insert(const std::vector<nlohmann::json>& rows) const;
  /// Throws a Refusal when one of the rows just inserted equals another row in the columns that a mapping declared as identity.
  /// Does nothing where the database has a unique key, which ensures that itself.
  void RefuseTwins(const std::vector<Image>& images) const;
  /// Updates rows, in order of identity. Returns the rows after the update, in the order given; nothing for a row that is gone.
  std::vector<std::optional<Image>> Update(const std::vector<RowChange>& changes, const std::vector<const Image*>& before) const;
  /// What to add to the counters of one row, by position of the column. NULL counts as zero.
  struct Increment {
    nlohmann::json identity;
    std::map<std::size_t, nlohmann::json> columns;
  };
  /// Adds to counters. Throws a Refusal when a trigger or policy swallowed an update.
  void Add(const std::vector<Increment>& increments) const;
  /// Deletes rows, and does not wait for a session that holds one. A row that is gone already counts as deleted. Throws a Refusal
  /// when a row stays.
  void Delete(const std::vector<nlohmann::json>& identities) const;

 private:
  void ReadAgain(std::vector<std::optional<Image>>& images) const;

  const TargetTable& table_;
  TableSql sql_;
  TableReader reader_;
};

}  // namespace membridge::sync
