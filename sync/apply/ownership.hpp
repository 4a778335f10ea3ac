#pragma once

#include <string>

#include "sync/apply/ledger.hpp"
#include "sync/apply/plan.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

// Decides whose a row is. The primary key is not enough: a table may be emptied with its identity restarted, restored, or filled
// again by a person. So a row counts as the ledger's row only while it holds what the bridge last saw in it. These functions are
// pure.

/// Whether any cell, or a column that `new` set, still holds what the bridge wrote; for elements, any element that the bridge
/// added. In a row without keys a reference counts only when the bridge wrote nothing else: after an identity was restarted,
/// another row has the same number.
bool HoldsOurs(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Whether this cell still holds `written`.
bool StandsAsWritten(const TargetTable& table, const std::string& name, const Content& written, const Image& row);

/// Whether the row is the ledger's row: it holds at least one complete key as last seen. A row without keys (a memory's own, or
/// one from before keys were remembered) needs one cell as the bridge wrote it.
bool IsTheKnownRow(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Whether the bridge may delete the row: the bridge made it, and something in it is as the bridge wrote it. A row that was given
/// only its key needs no more.
bool MayDelete(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Whether the row holds nothing of what the bridge wrote any more: a person made it anew under its key, or changed all of it.
/// From then on it counts as a person's row, even if the bridge writes into it later.
bool LostEverything(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Remembers the complete keys that the row holds now: the mapping's keys, and keys that were remembered before.
void RememberKeys(const PlannedRow& planned, const Image& row, LedgerRow& known);

}  // namespace membridge::sync
