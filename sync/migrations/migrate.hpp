#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// State: what the bridge itself must remember. Ledger: what it wrote into a target, kept in the target's database. One database
/// may hold both.
enum class MigrationKind { kState, kLedger };

/// `state` or `ledger`, as messages, the table and the folders spell it.
std::string_view NameOf(MigrationKind kind);

/// One numbered file of sync/migrations/, as it was when this binary was built.
struct Migration {
  MigrationKind kind;
  int number;                 ///< counts from 1 without gaps
  std::string_view name;      ///< `0001_state`
  std::string_view checksum;  ///< SHA-256 of the file, hex
  std::string_view sql;
  int runs_beside = 0;  ///< a binary that knows migrations up to this number may go on running; 0: none that lacks this one
};

/// All there are of a kind, in order.
std::span<const Migration> MigrationsOf(MigrationKind kind);

/// Brings the database up to this binary: makes schema `membridge` when missing and applies what is new, each migration in one
/// transaction with its entry in membridge.migrations. Any number of processes may do so at once: an advisory transaction lock
/// lets one at a time through, and the others find nothing left. Returns what this call applied. kRefused: the database is newer
/// than this binary, and a migration that it lacks does not run beside it; a merged migration was edited, or the role lacks a
/// right; the hint says which statement helps. kUnavailable: try again. Never throws SqlFailure.
Result<std::vector<Migration>> Migrate(postgres::Session& session, MigrationKind kind);
/// The same with a list of one's own; all of one kind.
Result<std::vector<Migration>> Migrate(postgres::Session& session, MigrationKind kind, std::span<const Migration> known);

/// What Migrate() would apply; changes nothing and takes no lock. Errors as above.
Result<std::vector<Migration>> PendingMigrations(postgres::Session& session, MigrationKind kind);

}  // namespace membridge::sync
