#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/check/liveness.hpp"
#include "sync/apply/json_path.hpp"

namespace membridge::sync {

/// The values of a target row, as text, by position in its table's columns; json and arrays as JSON text. Nothing: NULL, or a
/// column that the table's statements do not read.
using Image = std::vector<std::optional<std::string>>;

/// What changes in one row.
struct RowChange {
  nlohmann::json identity;                                           ///< by column, as text
  std::vector<std::pair<std::size_t, nlohmann::json>> columns;       ///< whole columns, in ascending order
  std::vector<std::pair<std::size_t, std::vector<PathEdit>>> paths;  ///< edits inside json columns, in ascending order
};

/// One target table as a mapping sees it: the columns that its statements read, the identity of its rows, and the form of its
/// values. TableReader and TableWriter run the statements. Immutable; several threads may use it.
class TargetTable {
 public:
  /// `role`: SET LOCAL ROLE around every statement on the table; the ledger is always written under the session's own role.
  /// `read`: the columns that statements may name besides the primary key and `live`; nothing means all. An Image does not hold
  /// other columns, so an unmapped column may be added, dropped or forbidden.
  /// `zone`: the time zone that defaults and triggers see while rows are written. Times are still read back in UTC.
  TargetTable(const mappings::Table& table, std::optional<mappings::Liveness> live, std::optional<std::string> role,
              const std::optional<std::set<std::string>>& read = std::nullopt, std::optional<std::string> zone = {});

  const mappings::Table& Definition() const { return table_; }
  /// `schema.name`, as the ledger knows the table.
  const std::string& Relation() const { return relation_; }
  std::optional<std::size_t> IndexOf(const std::string& column) const;
  const mappings::Column& At(std::size_t column) const { return table_.columns[column]; }
  /// Whether images hold this column.
  bool Reads(std::size_t column) const { return reads_[column]; }
  /// The name in SQL: `"schema"."name"`.
  const std::string& Quoted() const { return quoted_; }
  const std::optional<std::string>& Role() const { return role_; }
  const std::optional<std::string>& Zone() const { return zone_; }
  /// Columns that the mapping fills with what other rows hold. Numbers that a database gives come again when a table is emptied,
  /// so they tell little about whose a row is.
  void NoteReferences(std::set<std::string> columns) { references_ = std::move(columns); }
  bool IsReference(const std::string& column) const { return references_.contains(column); }
  /// The columns of the identity, by position.
  const std::vector<std::size_t>& IdentityColumns() const { return identity_; }

  /// The identity of a row: by column, as text.
  nlohmann::json IdentityOf(const Image& image) const;
  /// The row as expressions see it: numbers, booleans, json and arrays as JSON, everything else as text.
  nlohmann::json AsJson(const Image& image) const;
  /// The same of one column's text; null for nothing.
  nlohmann::json AsJson(std::size_t column, const std::optional<std::string>& text) const;
  /// Whether the soft-delete column says the row is alive; true without one.
  bool IsLive(const Image& image) const;
  /// The soft-delete column's value for a removed row, and for a row that comes back. Only for a table with such a column.
  nlohmann::json DeadMark(Instant now) const;
  nlohmann::json LiveMark() const;
  bool HasLiveColumn() const { return live_.has_value(); }
  /// Sets the soft-delete column of a new row to alive, unless the mapping gave the column a value.
  void PutLiveMark(nlohmann::json& row) const;
  std::size_t LiveColumn() const;

  /// The text of a moment for the column: local time when the column has no time zone and the mapping's session names one.
  std::string TimeFor(std::size_t column, Instant moment) const;
  /// The moment in the column; nothing when it is not a time.
  std::optional<Instant> TimeIn(std::size_t column, const std::optional<std::string>& text) const;

  /// One column of a key: `lowered` compares lower(column) with lower(value); a path into a json column compares the text there.
  struct KeyColumn {
    std::size_t column;
    bool lowered = false;
    std::vector<std::string> path{};
  };
  /// The name of a key's part in a key value.
  std::string NameOf(const KeyColumn& part) const;
  /// The value of this part in a row.
  nlohmann::json ValueOf(const KeyColumn& part, const Image& image) const;

  /// Throws a Refusal: two rows of the table have the same identity.
  [[noreturn]] void RefuseAlike() const;

 private:
  const mappings::Table& table_;
  std::string relation_;
  std::string quoted_;
  std::set<std::string> references_;
  std::vector<std::size_t> identity_;
  std::vector<bool> reads_;  // parallel to the table's columns
  std::optional<mappings::Liveness> live_;
  std::optional<std::string> role_;
  std::optional<std::string> zone_;
};

}  // namespace membridge::sync
