#pragma once

// A mapping made ready for one target: private to sync/apply.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// A mapping row with the table it writes.
struct PlannedRow {
  const mappings::Row* row = nullptr;  ///< null: the mapping has no such row any more
  std::unique_ptr<TargetTable> table;
  std::set<std::string> key_columns;  ///< rows are found by them
  bool speaks = true;                 ///< false for a mere lookup: nothing to remember of it
  /// Whether the ledger keeps who speaks for the row. Not of a counter: it has as many speakers as events, and none is ever taken
  /// back.
  bool remembers = true;

  /// For decisions and messages; empty and 0 where the mapping has no such row.
  std::string Name() const { return row == nullptr ? "" : row->name; }
  int Line() const { return row == nullptr ? 0 : static_cast<int>(row->place.line); }
  /// The touch column that is `$now`, by position: the bridge moves it with every write.
  std::optional<std::size_t> NowColumn() const {
    return row != nullptr && row->now_column ? table->IndexOf(*row->now_column) : std::nullopt;
  }
  /// The column that tells when a person changed the row: that one, or what the row names as `changed`, which others move.
  std::optional<std::size_t> ChangedColumn() const {
    return row != nullptr && row->changed ? table->IndexOf(*row->changed) : NowColumn();
  }
};

/// How the row's soft-delete column is read; nothing without `live`. Both outlive it.
inline std::optional<mappings::Liveness> LivenessOf(const mappings::Row& row, const mappings::Table& table,
                                                    const mappings::Mapping& mapping) {
  const mappings::Column* column = row.live ? table.Find(row.live->column) : nullptr;
  return column == nullptr ? std::nullopt : std::optional<mappings::Liveness>{std::in_place, *row.live, *column, &mapping.vars};
}

struct MappingPlan {
  std::shared_ptr<const mappings::Mapping> mapping;
  std::shared_ptr<const mappings::Catalog> catalog;
  std::vector<PlannedRow> rows;  ///< parallel to mapping->rows
  std::optional<std::string> role;
  std::vector<std::pair<std::string, std::string>> settings;

  /// Whether the mapping has a row of this name in this table, `schema.name`.
  bool HasRow(const std::string& name, const std::string& relation) const;
};

/// The columns of its table that the row's statements name: those of its cells, and those that expressions ask of it. Nothing:
/// all of them, because an expression takes the row as a whole.
std::optional<std::set<std::string>> ColumnsRead(const mappings::Mapping& mapping, const mappings::Row& row);

/// `remembered`: by relation, the columns that cells of the ledger stand for; they are read, too. Throws std::invalid_argument
/// when a table or column is not there.
std::shared_ptr<const MappingPlan> MakePlan(const mappings::Mapping& mapping, std::shared_ptr<const mappings::Catalog> catalog,
                                            const std::map<std::string, std::set<std::string>>& remembered);

}  // namespace membridge::sync
