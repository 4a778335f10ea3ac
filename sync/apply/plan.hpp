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
  const mappings::Row* row = nullptr;  ///< nullptr: the mapping does not have the row any more
  std::unique_ptr<TargetTable> table;
  std::set<std::string> key_columns;  ///< rows are found by them
  bool speaks = true;                 ///< false for a lookup, of which nothing is remembered
  /// Whether the ledger keeps who speaks for the row. Not for a counter: each event speaks for it, and no event is ever
  /// withdrawn.
  bool remembers = true;

  /// For decisions and messages; empty and 0 when the mapping does not have the row.
  std::string Name() const { return row == nullptr ? "" : row->name; }
  int Line() const { return row == nullptr ? 0 : static_cast<int>(row->place.line); }
  /// The position of the touch column that is `$now`, which the bridge sets with every write.
  std::optional<std::size_t> NowColumn() const {
    return row != nullptr && row->now_column ? table->IndexOf(*row->now_column) : std::nullopt;
  }
  /// The column that tells when a person changed the row: the one that the row names as `changed`, which others set, else
  /// NowColumn().
  std::optional<std::size_t> ChangedColumn() const {
    return row != nullptr && row->changed ? table->IndexOf(*row->changed) : NowColumn();
  }
};

/// Returns how to read the row's soft-delete column; nothing without `live`. Table and mapping outlive it.
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
  std::vector<std::pair<std::string, std::string>> settings;  ///< names and values; MappingSettings enters them
  bool tells_changes = false;                                 ///< whether changed rows are told to the change feed

  /// Whether the mapping has a row of this name in this table, `schema.name`.
  bool HasRow(const std::string& name, const std::string& relation) const;
};

/// Returns the columns that the row's statements name: those of its cells, and those that expressions read. Nothing: all columns,
/// because an expression takes the row as a whole.
std::optional<std::set<std::string>> ColumnsRead(const mappings::Mapping& mapping, const mappings::Row& row);

/// Makes the plan. `remembered`: by relation, the columns that the ledger's cells name; they are read too. Throws
/// std::invalid_argument when a table or column does not exist.
std::shared_ptr<const MappingPlan> MakePlan(const mappings::Mapping& mapping, std::shared_ptr<const mappings::Catalog> catalog,
                                            const std::map<std::string, std::set<std::string>>& remembered, bool tells_changes);

}  // namespace membridge::sync
