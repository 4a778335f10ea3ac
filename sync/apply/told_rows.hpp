#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sync/apply/source.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/feed/change_notes.hpp"

namespace membridge::sync {

/// Notes for the change feed what an attempt does to target rows. Does nothing when the feed is off. Private to sync/apply and
/// sync/erase.
class ToldRows {
 public:
  /// `sources` outlive it.
  ToldRows(bool tells, const std::vector<Source>& sources) : tells_(tells), sources_(sources) {}

  /// Whether anything is noted. Ask before you read rows for it alone.
  bool Tells() const { return tells_; }
  void Inserted(const TargetTable& table, const Image& row, const std::set<std::size_t>& sources);
  /// `speaker`: returns the source that wrote a column; empty: none.
  void Updated(const TargetTable& table, const Image& before, const Image& after,
               const std::function<std::string(const std::string& column)>& speaker);
  void Updated(const TargetTable& table, const Image& before, const Image& after, const std::set<std::size_t>& sources);
  /// `was`: the row as TargetTable::AsJson() shows it.
  void Deleted(const TargetTable& table, const nlohmann::json& was, const std::set<std::size_t>& sources);
  /// A row of which only the identity is known, as text by column.
  void Gone(const TargetTable& table, const nlohmann::json& identity);
  /// Writes what was noted; see ChangeNotes.
  void Write(postgres::Transaction& transaction, const std::string& mapping);

 private:
  std::string MemoryOf(const std::set<std::size_t>& sources) const;
  std::string MemoryOf(const std::string& source) const;

  bool tells_;
  const std::vector<Source>& sources_;
  ChangeNotes notes_;
};

}  // namespace membridge::sync
