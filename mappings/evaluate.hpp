#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mappings/mapping.hpp"

namespace membridge::mappings {

/// A value for one cell. `value` is JSON: for kGroup an array of the members' values (a missing member makes the whole group
/// missing), for kElements an array, and JSON null for a `null` written in the mapping. A Constant for a column is its text; a
/// Constant inside json has its typed form. All functions here are pure and thread-safe.
struct CellValue {
  const Assignment* to;  ///< outlived by the Mapping
  nlohmann::json value;
};

/// What one source (a memory, export or event) says about one row, computed without the database.
struct RowIntent {
  struct FoundBy {
    const Key* key;
    std::vector<CellValue> parts;
  };
  std::vector<FoundBy> keys;     ///< the complete keys, in order; empty for a row that is the memory's own
  std::vector<CellValue> set;    ///< `set` and `force`, without the values that mention `$row`
  std::vector<CellValue> fresh;  ///< `new`, without the values that mention `$row`
  /// Whether the source creates a missing row and holds it. False under `create: with_cells` when no cell has a value: such a
  /// source only finds the row, so that its other rows can refer to it.
  bool holds = true;
};

/// Returns the text of one entry of `session`; the scope holds `vars`. Nothing when it has no value; then the setting is not set.
std::optional<std::string> TextOfSetting(const ValueSpec& setting, const Scope& scope);

/// Whether the mapping's top-level `when` is true for this source.
bool Speaks(const Mapping& mapping, const Scope& scope);

/// Returns the elements of `each`, one per instance of the row. Missing and null give no element; a scalar is one element.
/// Without `each` the result is one null.
std::vector<nlohmann::json> ItemsOf(const Row& row, const Scope& scope);

/// Returns what the source in `scope` says about one instance of the row. Nothing when the row's `when` is false, or when the row
/// has keys and none of them is complete.
std::optional<RowIntent> Intend(const Row& row, const Scope& scope);

/// The values of `set`, `force` and `new` that mention `$row`. They need a scope that has `row`.
struct LateValues {
  std::vector<CellValue> set;
  std::vector<CellValue> fresh;
};
LateValues Late(const Row& row, const Scope& scope);

/// Returns the values of the row's `touch`.
std::vector<CellValue> Touch(const Row& row, const Scope& scope);
/// Returns the values of the row's `add`. They are numbers; a missing one is left out.
std::vector<CellValue> Add(const Row& row, const Scope& scope);

}  // namespace membridge::mappings
