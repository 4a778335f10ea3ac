#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// State: what the bridge itself must remember. Ledger: what the bridge wrote into a target, kept in the target's database. One
/// database may hold both.
enum class MigrationKind { kState, kLedger };

/// `state` or `ledger`, as in messages, in membridge.migrations and in the folders' names.
std::string_view NameOf(MigrationKind kind);

/// One numbered file of sync/migrations/, as it was when this binary was built.
struct Migration {
  MigrationKind kind;
  int number;                 ///< counts from 1 without gaps
  std::string_view name;      ///< `0001_state`
  std::string_view checksum;  ///< SHA-256 of the file, hex
  std::string_view sql;
  int runs_beside = 0;  ///< binaries that know migrations up to this number may go on running; 0: no binary without this one may
};

/// Returns all migrations of a kind, in order.
std::span<const Migration> MigrationsOf(MigrationKind kind);

/// Brings the database up to this binary: makes the schema `membridge` when it is missing and applies new migrations, each in one
/// transaction with its entry in membridge.migrations. Any number of processes may call it at once: an advisory transaction lock
/// lets one at a time through, and the others find nothing left to do. Returns what this call applied. kRefused: the database has
/// a newer migration that does not run beside this binary; a merged migration was edited; or the role lacks a right, and the hint
/// names the statement that helps. kUnavailable: try again. Never throws SqlFailure.
Result<std::vector<Migration>> Migrate(postgres::Session& session, MigrationKind kind);
/// The same with the given migrations, which must all be of one kind.
Result<std::vector<Migration>> Migrate(postgres::Session& session, MigrationKind kind, std::span<const Migration> known);

/// Returns what Migrate() would apply. Changes nothing and takes no lock. Errors as above.
Result<std::vector<Migration>> PendingMigrations(postgres::Session& session, MigrationKind kind);

}  // namespace membridge::sync
