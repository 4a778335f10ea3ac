#pragma once

#include <optional>
#include <string>

#include "mappings/mapping.hpp"
#include "sync/apply/settle.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// Functions that read and write one cell of a target row, for every kind of cell. Contents have the form that settle.hpp
/// describes.

/// Returns the cell that a name in the ledger stands for; nothing when the table has no such column any more.
std::optional<mappings::Cell> CellNamed(const TargetTable& table, const std::string& name);

/// Returns the text of a cell such as `tags[;]` with these elements. Throws a Refusal when one of them holds the delimiter.
std::string JoinedElements(const mappings::Cell& cell, const nlohmann::json& elements);

/// Returns what the cell holds.
Content ReadCell(const TargetTable& table, const Image& image, const mappings::Cell& cell);
/// Returns what the cell holds in a new row without a value: the column's constant default.
Content DefaultOf(const TargetTable& table, const mappings::Cell& cell);
/// Whether the cell, or one of a group, may not be NULL.
bool IsNotNull(const TargetTable& table, const mappings::Cell& cell);
/// Whether the content can be written: a path needs objects (or nothing) on its way.
bool IsReachable(const TargetTable& table, const Image& image, const mappings::Cell& cell);
/// Whether the cell touches this column.
bool Covers(const mappings::Cell& cell, const std::string& column);

/// Whether a write to one of two cells could change the other: they share a column and, when both are paths inside it, one path
/// leads through the other.
bool Overlaps(const mappings::Cell& one, const mappings::Cell& other);

/// Adds the write of `content` to the change.
void WriteCell(const TargetTable& table, const mappings::Cell& cell, const Content& content, RowChange& change);

/// Puts a claimed value, as the mapping gives it, into the object that becomes an INSERT.
void PutCell(const TargetTable& table, const mappings::Cell& cell, const nlohmann::json& value, nlohmann::json& row);

}  // namespace membridge::sync
