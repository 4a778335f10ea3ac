#pragma once

#include "sync/apply/ledger.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// Handles the objects around edits inside json columns. When an edit needs a missing object, the ledger remembers that the
/// bridge made it. When an edit leaves such an object empty, the object is removed too, so that a withdrawn claim leaves exactly
/// what was there before. Adds to `change`.
void KeepContainers(const TargetTable& table, const Image& before, RowChange& change, LedgerRow& ledger);

}  // namespace membridge::sync
