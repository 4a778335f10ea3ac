#pragma once

#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// How a table's columns changed since the ledger was written.
struct ColumnChanges {
  std::map<std::string, std::string> renamed;                          ///< from, to
  std::map<std::string, std::pair<std::string, std::string>> retyped;  ///< by the present name: type before, type now
  std::set<std::string> dropped;
  bool is_other_table = false;  ///< the table was dropped and made anew, or restored
  bool IsEmpty() const { return !is_other_table && IsOnlyOtherTable(); }
  bool IsOnlyOtherTable() const { return renamed.empty() && retyped.empty() && dropped.empty(); }
};

/// Rewrites documents of the ledger after such changes: cells by name, and what columns held. First rename everything, then
/// collect the texts of changed types; Finish() converts these with few statements.
class RewrittenCells {
 public:
  /// What the documents hold. kColumns: texts that columns held; a text that the new type cannot hold is refused. kClaims: what
  /// memories say; a claim that the new type cannot hold, or not completely, stays as it was said, and the next write of it is
  /// refused.
  enum class Of { kColumns, kClaims };
  RewrittenCells(postgres::Transaction& transaction, const ColumnChanges& changes, Of of = Of::kColumns)
      : transaction_(transaction), changes_(changes), of_(of) {}

  /// These return the documents with new names: objects by cell or by column, without those whose column is gone, and keys
  /// (objects by their columns), without those that lost a column.
  nlohmann::json RenamedCells(const nlohmann::json& cells) const;
  /// The same as RenamedCells(), but keeps claims on a dropped column: a new column of its name may take them.
  nlohmann::json RenamedClaims(const nlohmann::json& cells) const;
  nlohmann::json RenamedColumns(const nlohmann::json& columns) const;
  nlohmann::json RenamedKeys(const nlohmann::json& keys) const;

  /// Collect texts to convert: entries of cells (`b`, `w`, `c`, `v`), and what columns held. The documents must stay in place
  /// until Finish().
  void Reread(nlohmann::json& cells);
  void RereadColumns(nlohmann::json& columns);
  /// Converts the collected texts, and marks those that a type refuses. Throws postgres::SqlFailure.
  void Finish();
  /// Whether the type refused what the entry remembers as written.
  bool IsRefused(const nlohmann::json& entry) const;
  /// Removes refused texts from what columns held. Returns whether there were any.
  bool ForgetRefusedColumns(nlohmann::json& columns) const;
  /// Forgets the claims behind a row's cells where the type refused them.
  void ForgetRefusedClaims(nlohmann::json& cells) const;
  /// Removes refused texts from claims and closed versions.
  void ForgetRefused(nlohmann::json& cells) const;

 private:
  std::optional<std::string> NameOf(const std::string& cell) const;
  void RereadContent(const std::string& cell, nlohmann::json& content);
  void RereadText(const std::string& column, nlohmann::json& text);
  bool Converts(const std::string& from, const std::string& to);
  /// How a column's texts are converted: through the old type first, and compared with the way back.
  struct Way {
    bool through_old = false;
    bool looks_back = false;
  };
  void Read(const std::string& column, std::size_t first, std::size_t last, Way way);

  postgres::Transaction& transaction_;
  const ColumnChanges& changes_;
  const Of of_;
  std::map<std::string, std::vector<nlohmann::json*>> texts_;  // by column
};

}  // namespace membridge::sync
