#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "mappings/evaluate.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// Returns what a mapping's value means in this cell, before the column's type reads it. `member`: the position in a group.
nlohmann::json MeantFor(const TargetTable& table, const mappings::Cell& cell, const mappings::CellValue& value,
                        std::optional<std::size_t> member = std::nullopt);

/// Values of a mapping, each with the contribution that it becomes part of.
using CellClaims = std::vector<std::pair<Contribution*, const mappings::CellValue*>>;

/// Converts claimed values by their columns' types, with one statement for all, and puts them into the contributions. Throws
/// postgres::SqlFailure.
void AddClaims(postgres::Transaction& transaction, const TargetTable& table, const CellClaims& claims);

}  // namespace membridge::sync
