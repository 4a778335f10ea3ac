#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "mappings/check/liveness.hpp"
#include "sync/apply/json_path.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A target row as it stands: by position in its table's columns, as text; json and arrays as JSON text; nothing is NULL, or a
/// column that the table's statements do not read.
using Image = std::vector<std::optional<std::string>>;

/// What changes in one row.
struct RowChange {
  nlohmann::json identity;                                           ///< by column, as text
  std::vector<std::pair<std::size_t, nlohmann::json>> columns;       ///< whole columns, in ascending order
  std::vector<std::pair<std::size_t, std::vector<PathEdit>>> paths;  ///< edits inside json columns, in ascending order
};

/// The SQL on one target table, set-wise: each call is a fixed number of statements however many rows it is about. Values travel
/// as one jsonb parameter and are read by the columns' own types, so PostgreSQL does every conversion; names are quoted. The
/// statements run under the mapping's search path, where anybody may have made functions, operators and types: so all they call
/// is named with its schema. Throws postgres::SqlFailure. Immutable; used by several threads, each with a transaction of its own.
class TargetTable {
 public:
  /// `role`: SET LOCAL ROLE around every statement on the table, while the ledger stays with the session's own role.
  /// `read`: the columns that statements may name besides the primary key and `live`; nothing means all. Of others an Image holds
  /// nothing, so a column nobody mapped may come, go or be forbidden.
  /// `zone`: the time zone that defaults and triggers see while rows are written; times are read back in UTC all the same.
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

  /// The identity of a row: by column, as text.
  nlohmann::json IdentityOf(const Image& image) const;
  /// The row as expressions see it: numbers, booleans, json and arrays in their JSON shape, the rest as text.
  nlohmann::json AsJson(const Image& image) const;
  /// Whether the soft-delete column says the row is alive; true without one.
  bool IsLive(const Image& image) const;
  /// What the soft-delete column is set to when a row goes or comes back; only with one.
  nlohmann::json DeadMark(Instant now) const;
  nlohmann::json LiveMark() const;
  bool HasLiveColumn() const { return live_.has_value(); }
  /// Gives a row that becomes an INSERT what it needs to be alive, unless the mapping gave the column a value.
  void PutLiveMark(nlohmann::json& row) const;
  std::size_t LiveColumn() const;

  /// A moment as the column takes it: local time where the column has no time zone and the mapping's session names one.
  std::string TimeFor(std::size_t column, Instant moment) const;
  /// The moment that stands in the column; nothing when it is no time.
  std::optional<Instant> TimeIn(std::size_t column, const std::optional<std::string>& text) const;

  /// One column of a key: `lowered` compares lower(column) with lower(value); a path into a json column compares the text there.
  struct KeyColumn {
    std::size_t column;
    bool lowered = false;
    std::vector<std::string> path{};
  };
  /// What a part of a key is called among the values of a key.
  std::string NameOf(const KeyColumn& part) const;
  /// The same part of a row's own key, as such a value.
  nlohmann::json ValueOf(const KeyColumn& part, const Image& image) const;
  /// How rows are taken. Nobody waits for a row that another transaction holds: PostgreSQL refuses it at once (55P03).
  enum class Lock {
    kNone,   ///< only looked at; needs no UPDATE right
    kWrite,  ///< FOR NO KEY UPDATE: others may refer to the row meanwhile, and nobody else writes it
  };
  /// Per key value (objects by NameOf), the rows that match it, alive or not; at most two alive ones matter.
  std::vector<std::vector<Image>> Find(Lock lock, postgres::Transaction& transaction, const std::vector<KeyColumn>& key,
                                       const std::vector<nlohmann::json>& values) const;
  enum class Purpose {
    kMake,     ///< rows of this key: locked, so that only one makes it
    kLook,     ///< for a missing row: locked shared with others that look, exclusive against those that make it
    kCompare,  ///< with what others look for: the same numbers, and no lock
  };
  /// A number per key value, in the order of `values`, and a transaction-scoped advisory lock on it, taken in one order for
  /// everybody. Equal keys by the columns' types (citext, numeric 1.0 and 1.00, lower()) get equal numbers. Who makes rows does
  /// not wait for another who makes one of them: that is refused with 55P03.
  std::vector<std::string> NumbersFor(Purpose purpose, postgres::Transaction& transaction, const std::vector<KeyColumn>& key,
                                      const std::vector<nlohmann::json>& values) const;
  /// Rows by identity, taken in order; nothing where there is none.
  std::vector<std::optional<Image>> Fetch(Lock lock, postgres::Transaction& transaction,
                                          const std::vector<nlohmann::json>& identities) const;
  /// What each value looks like once its column's type has read it: pairs of column and value, answered in order.
  std::vector<Content> Normalise(postgres::Transaction& transaction,
                                 const std::vector<std::pair<std::size_t, nlohmann::json>>& values) const;
  /// Inserts rows (objects by column name). A plain INSERT, since ON CONFLICT is refused by tables with deferrable constraints
  /// and by some views: what is in the way is what PostgreSQL says. A Refusal when a trigger or rule swallowed one.
  std::vector<Image> Insert(postgres::Transaction& transaction, const std::vector<nlohmann::json>& rows) const;
  /// Throws a Refusal when one of the rows just inserted is like another row in the columns that a mapping declared as identity;
  /// a unique key of the database sees to that itself.
  void RefuseTwins(postgres::Transaction& transaction, const std::vector<Image>& images) const;
  /// Updates rows, in order of identity. Answers the rows as they are afterwards, in the order given; nothing where a row went
  /// away.
  std::vector<std::optional<Image>> Update(postgres::Transaction& transaction, const std::vector<RowChange>& changes,
                                           const std::vector<const Image*>& before) const;
  /// Adds to counters; NULL counts as zero. By position of the column.
  struct Increment {
    nlohmann::json identity;
    std::map<std::size_t, nlohmann::json> columns;
  };
  /// A Refusal when a trigger or policy swallowed one.
  void Add(postgres::Transaction& transaction, const std::vector<Increment>& increments) const;
  /// Deletes rows, without waiting for a session that holds one. What is gone already counts as deleted; a Refusal when a row
  /// stays.
  void Delete(postgres::Transaction& transaction, const std::vector<nlohmann::json>& identities) const;

 private:
  /// A part of a key in SQL, of the row `t` and of the record `r`.
  std::string KeyInRow(const KeyColumn& part) const;
  std::string KeyInRecord(const KeyColumn& part) const;
  std::string TypedKey(const KeyColumn& part) const;
  postgres::Rows Run(postgres::Transaction& transaction, const std::string& sql, const nlohmann::json& parameter) const;
  /// Run() of a statement that writes: under the mapping's time zone.
  postgres::Rows RunWrite(postgres::Transaction& transaction, const std::string& sql, const nlohmann::json& parameter) const;
  void ReadAgain(postgres::Transaction& transaction, std::vector<std::optional<Image>>& images) const;
  [[noreturn]] void RefuseAlike() const;
  std::string SelectList() const;
  /// With its schema.
  const std::string& TypeOf(std::size_t column) const;
  /// Whether two values of the column's type are equal, by the type's own rule.
  std::string Equal(std::size_t column, const std::string& left, const std::string& right) const;
  /// The column of `t` as an Image holds it.
  std::string AsText(std::size_t column, const std::string& value) const;
  Image ImageAt(const postgres::Rows& rows, std::size_t row, std::size_t first) const;

  const mappings::Table& table_;
  std::string relation_;
  std::string quoted_;
  std::vector<std::size_t> identity_;
  std::vector<bool> reads_;  // parallel to the table's columns
  std::optional<mappings::Liveness> live_;
  std::optional<std::string> role_;
  std::optional<std::string> zone_;
};

}  // namespace membridge::sync
