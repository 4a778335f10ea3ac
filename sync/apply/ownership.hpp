#pragma once

#include <string>

#include "sync/apply/ledger.hpp"
#include "sync/apply/plan.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

// Whose a row is. A primary key alone says little: a table may be emptied with its identity restarted, restored, or filled again
// by a person. So a row counts as the one the ledger knows only while it carries what the bridge last saw in it. Pure.

/// Whether a cell, or a column that `new` gave, stands as the bridge wrote it. Of elements: any that the bridge added.
bool HoldsOurs(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Whether this one cell stands so.
bool StandsAsWritten(const TargetTable& table, const std::string& name, const Content& written, const Image& row);

/// Whether the row is the one the ledger knows: it carries at least one complete key as it was last seen. Of a row without keys
/// (a memory's own, or one from before keys were remembered) one cell as the bridge wrote it is asked for.
bool IsTheKnownRow(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Whether the bridge may delete the row: it is the one it made, and something in it is as the bridge wrote it. Of a row that was
/// given nothing but its key nothing more is asked for.
bool MayDelete(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Whether nothing of all that the bridge wrote into the row stands there any more: a person made it anew under its key, or made
/// all of it theirs. From then on it is a row that people made, whatever the bridge may write into it later.
bool LostEverything(const TargetTable& table, const LedgerRow& known, const Image& row);

/// Remembers the complete keys that the row carries now: the mapping's, and those that were remembered before.
void RememberKeys(const PlannedRow& planned, const Image& row, LedgerRow& known);

}  // namespace membridge::sync
