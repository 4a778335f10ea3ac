#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sync/apply/target_table.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Builds and runs SQL on one target table. In statements the table is `t`, and `r` is a record of the parameter, a jsonb list of
/// objects that PostgreSQL reads by the columns' own types. Names are quoted. The statements run under the mapping's search path,
/// where others may have made functions, operators and types, so every function, operator and type is named with its schema.
/// Private to TableReader and TableWriter; for one transaction. Throws postgres::SqlFailure.
class TableSql {
 public:
  /// Both outlive it.
  TableSql(const TargetTable& table, postgres::Transaction& transaction) : table_(table), transaction_(transaction) {}

  /// The column of records that holds the number of the caller's row.
  static constexpr std::string_view kNumber = "membridge_n";
  /// The values as records with their numbers.
  static nlohmann::json Numbered(const std::vector<nlohmann::json>& values);
  /// A condition that every numbered record meets. PostgreSQL takes a parameter for a hundred records whatever it holds, and then
  /// reads a whole table of up to thirty thousand rows rather than use its index. With the condition it takes it for eleven: the
  /// index of the key is used from some thousands of rows on, and a table without one is still read once and not for every
  /// record.
  static std::string TakenForFew();
  static std::string Join(const std::vector<std::string>& parts, std::string_view between);
  /// `"name" type`: a column of a record.
  static std::string Typed(std::string_view name, std::string_view type);
  /// The first `length` steps of a path into a json column.
  static std::string PathLiteral(const std::vector<std::string>& path, std::size_t length);
  /// The name of an identity column in records, which cannot clash with the table's own columns.
  static std::string IdentityName(std::size_t position);

  /// The column's type, with its schema.
  const std::string& TypeOf(std::size_t column) const;
  /// Whether two values of the column's type are equal, by the type's own rule.
  std::string Equal(std::size_t column, const std::string& left, const std::string& right) const;
  /// SQL for a value of the column's type in the form of an Image.
  std::string AsText(std::size_t column, const std::string& value) const;
  /// The SELECT list for an Image of `t`.
  std::string SelectList() const;
  /// The Image in a result whose SelectList() begins at column `first`.
  Image ImageAt(const postgres::Rows& rows, std::size_t row, std::size_t first) const;

  /// SQL for a part of a key: in the row `t`, in the record `r`, and as a column of that record.
  std::string KeyInRow(const TargetTable::KeyColumn& part) const;
  std::string KeyInRecord(const TargetTable::KeyColumn& part) const;
  std::string TypedKey(const TargetTable::KeyColumn& part) const;

  /// Runs a statement under the mapping's role.
  postgres::Rows Run(const std::string& sql, const nlohmann::json& parameter) const;
  /// The same for a statement that writes, which also runs under the mapping's time zone.
  postgres::Rows RunWrite(const std::string& sql, const nlohmann::json& parameter) const;

 private:
  const TargetTable& table_;
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
