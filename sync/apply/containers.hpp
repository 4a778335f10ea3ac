#pragma once

#include "sync/apply/ledger.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// Where edits inside json columns need objects that are not there, the ledger remembers that the bridge made them; where an edit
/// leaves such an object empty, it goes too, so that a withdrawn claim leaves exactly what was there before. Adds to `change`.
void KeepContainers(const TargetTable& table, const Image& before, RowChange& change, LedgerRow& ledger);

}  // namespace membridge::sync
