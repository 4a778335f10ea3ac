#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// A value for one cell. `value` is JSON: for kGroup an array of the members' values (a missing member makes the group missing),
/// for kElements an array, null written out is json null. A Constant in a column is its text, inside json its typed form.
struct CellValue {
  const Assignment* to;  ///< outlived by the Mapping
  nlohmann::json value;
};

/// What one source says of one row, before the database is asked.
struct RowIntent {
  struct FoundBy {
    const Key* key;
    std::vector<CellValue> parts;
  };
  std::vector<FoundBy> keys;     ///< the keys all of whose values are there, in order; empty for a row that is the memory's own
  std::vector<CellValue> set;    ///< `set` and `force`, without what mentions `$row`
  std::vector<CellValue> fresh;  ///< `new`, likewise
  /// Whether it makes the row when there is none, and keeps it: false under `create: with_cells` when no cell has a value. Such
  /// a source finds the row for others to use and says nothing of it.
  bool holds = true;
};

/// The text of one entry of `session`; the scope holds `vars`. Nothing when it has no value: then it is not set.
std::optional<std::string> TextOfSetting(const ValueSpec& setting, const Scope& scope);

/// Whether the mapping's own `when` lets this source speak.
bool Speaks(const Mapping& mapping, const Scope& scope);

/// The elements of `each`, one per instance of the row: missing and null yield none, a scalar yields itself. Without `each`: one
/// null.
std::vector<nlohmann::json> ItemsOf(const Row& row, const Scope& scope);

/// What `scope` says of one instance of the row. Nothing when the row's `when` is false, or when it has keys and none is
/// complete.
std::optional<RowIntent> Intend(const Row& row, const Scope& scope);

/// The assignments that mention `$row`, once the scope has `row`. Of `set`, `force`, `new`.
struct LateValues {
  std::vector<CellValue> set;
  std::vector<CellValue> fresh;
};
LateValues Late(const Row& row, const Scope& scope);

/// The row's `touch` values.
std::vector<CellValue> Touch(const Row& row, const Scope& scope);
/// The row's `add` values (numbers; a missing one is left out).
std::vector<CellValue> Add(const Row& row, const Scope& scope);

}  // namespace membridge::mappings
