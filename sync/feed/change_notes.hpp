#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Notes what one attempt does to rows, and writes the notes into membridge.changes: one entry per row, whatever happened to the
/// row in between, and none for a row that ends as it began. For one thread.
class ChangeNotes {
 public:
  /// A cell before and after. Values have JSON's form; null stands for NULL and for a row that is not there.
  struct Cell {
    nlohmann::json before, after;
    std::string memory{};  ///< the memory that says so; empty: none does
  };
  struct Change {
    nlohmann::json key;  ///< by column, of the row after the change, else before it
    bool was = false;    ///< whether the row existed before
    bool is = false;     ///< whether it exists now
    std::map<std::string, Cell> cells{};
  };

  /// Call it in the order of the changes. `relation`: `schema.name`; `key_before`: the key under which the row was noted before.
  void Note(const std::string& relation, const nlohmann::json& key_before, Change change);
  /// Writes the entries with one statement, and tells who listens on `membridge_changes`. Call it while the changed rows are
  /// still locked, in the transaction that changed them. Throws postgres::SqlFailure.
  void Write(postgres::Transaction& transaction, const std::string& project, const std::string& mapping);

 private:
  struct Noted {
    std::string relation;
    Change change;
  };
  std::vector<Noted> noted_;
  std::map<std::pair<std::string, nlohmann::json>, std::size_t> by_key_;  // relation and key, to the position in noted_
};

}  // namespace membridge::sync
