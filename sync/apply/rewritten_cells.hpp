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

/// What became of a table's columns since the ledger was written.
struct ColumnChanges {
  std::map<std::string, std::string> renamed;                          ///< from, to
  std::map<std::string, std::pair<std::string, std::string>> retyped;  ///< by the name of now: type before, type now
  std::set<std::string> dropped;
  bool is_other_table = false;  ///< dropped and made anew, or restored
  bool IsEmpty() const { return !is_other_table && IsOnlyOtherTable(); }
  bool IsOnlyOtherTable() const { return renamed.empty() && retyped.empty() && dropped.empty(); }
};

/// Documents of the ledger on their way through such changes: cells by name, and what columns held. First everything is renamed,
/// then what is to be read by another type is collected, and Finish() reads it with few statements.
class RewrittenCells {
 public:
  /// What the documents hold: texts that columns held, of which one that the new type cannot hold is refused; or what memories
  /// say, which stays as it was said when the new type cannot hold it, or not all of it: whoever is to write it is told then.
  enum class Of { kColumns, kClaims };
  RewrittenCells(postgres::Transaction& transaction, const ColumnChanges& changes, Of of = Of::kColumns)
      : transaction_(transaction), changes_(changes), of_(of) {}

  /// Objects by cell, without the cells whose column is gone; objects by column likewise; and keys, which are objects by their
  /// columns, without those that lost a column.
  nlohmann::json RenamedCells(const nlohmann::json& cells) const;
  /// The same, but what is said of a column that is gone stays said: a new one of its name may take it.
  nlohmann::json RenamedClaims(const nlohmann::json& cells) const;
  nlohmann::json RenamedColumns(const nlohmann::json& columns) const;
  nlohmann::json RenamedKeys(const nlohmann::json& keys) const;

  /// Collects texts of these, which must stay where they are until Finish(): entries of cells (`b`, `w`, `c`, `v`), and what
  /// columns held.
  void Reread(nlohmann::json& cells);
  void RereadColumns(nlohmann::json& columns);
  /// Reads what was collected. What a type refuses is marked.
  void Finish();
  /// Whether the type refused what the entry remembers as written.
  bool IsRefused(const nlohmann::json& entry) const;
  /// Removes what was refused from what columns held; whether there was any.
  bool ForgetRefusedColumns(nlohmann::json& columns) const;
  /// Forgets of a row's cells by which claim they came about, where the type refuses it.
  void ForgetRefusedClaims(nlohmann::json& cells) const;
  /// Removes what was refused from claims and closed versions.
  void ForgetRefused(nlohmann::json& cells) const;

 private:
  std::optional<std::string> NameOf(const std::string& cell) const;
  void RereadContent(const std::string& cell, nlohmann::json& content);
  void RereadText(const std::string& column, nlohmann::json& text);
  bool Converts(const std::string& from, const std::string& to);
  /// How a column's texts are read: by the type that was first, and compared with what leads back to it.
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
