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

/// Writes rows of one target table in a transaction, set-wise: each call is a fixed number of statements however many rows it is
/// about. Throws postgres::SqlFailure, or a Refusal.
class TableWriter {
 public:
  /// Both outlive it.
  TableWriter(const TargetTable& table, postgres::Transaction& transaction)
      : table_(table), sql_(table, transaction), reader_(table, transaction) {}

  /// Inserts rows (objects by column name). A plain INSERT, since ON CONFLICT is refused by tables with deferrable constraints
  /// and by some views: what is in the way is what PostgreSQL says. A Refusal when a trigger or rule swallowed one.
  std::vector<Image> Insert(const std::vector<nlohmann::json>& rows) const;
  /// Throws a Refusal when one of the rows just inserted is like another row in the columns that a mapping declared as identity;
  /// a unique key of the database sees to that itself.
  void RefuseTwins(const std::vector<Image>& images) const;
  /// Updates rows, in order of identity. Answers the rows as they are afterwards, in the order given; nothing where a row went
  /// away.
  std::vector<std::optional<Image>> Update(const std::vector<RowChange>& changes, const std::vector<const Image*>& before) const;
  /// Adds to counters; NULL counts as zero. By position of the column.
  struct Increment {
    nlohmann::json identity;
    std::map<std::size_t, nlohmann::json> columns;
  };
  /// A Refusal when a trigger or policy swallowed one.
  void Add(const std::vector<Increment>& increments) const;
  /// Deletes rows, without waiting for a session that holds one. What is gone already counts as deleted; a Refusal when a row
  /// stays.
  void Delete(const std::vector<nlohmann::json>& identities) const;

 private:
  void ReadAgain(std::vector<std::optional<Image>>& images) const;

  const TargetTable& table_;
  TableSql sql_;
  TableReader reader_;
};

}  // namespace membridge::sync
