#include "sync/migrations/migrate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Session;
using postgres::SqlFailure;
using postgres::Transaction;

// Any number would do as long as all processes use the same: these are the letters "membridg".
constexpr const char* kLock = "SELECT pg_advisory_xact_lock(x'6d656d6272696467'::bigint)";

// READ COMMITTED, so that a process that waited for the lock sees what its holder committed. No timeout, because a migration may
// take long.
constexpr const char* kTransactionSettings =
    "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; SET LOCAL statement_timeout TO 0; SET LOCAL lock_timeout TO 0; "
    "SET LOCAL idle_in_transaction_session_timeout TO 0";

constexpr const char* kJournal =
    "CREATE TABLE membridge.migrations (\n"
    "  kind       text        NOT NULL,\n"
    "  number     integer     NOT NULL,\n"
    "  name       text        NOT NULL,\n"
    "  checksum   text        NOT NULL,\n"
    "  applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),\n"
    "  runs_beside integer,\n"
    "  PRIMARY KEY (kind, number)\n"
    ");\n"
    "COMMENT ON TABLE membridge.migrations IS 'Which files of sync/migrations were applied, and what they held (SHA-256)'";

// The first binaries made the table without this column.
constexpr const char* kAddRunsBeside = "ALTER TABLE membridge.migrations ADD COLUMN runs_beside integer";
constexpr const char* kLacksRunsBeside =
    "SELECT NOT EXISTS (SELECT FROM pg_catalog.pg_attribute\n"
    "  WHERE attrelid = 'membridge.migrations'::pg_catalog.regclass AND attname = 'runs_beside' AND NOT attisdropped)";

constexpr const char* kApplied =
    "SELECT number, name, checksum, coalesce((pg_catalog.to_jsonb(m) ->> 'runs_beside')::int, 0)\n"
    "FROM membridge.migrations AS m WHERE kind = $1 ORDER BY number";

// Look first, because a role that may only use the schema lacks the right to create it.
constexpr const char* kPresent =
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'membridge'),\n"
    "       EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n"
    "               WHERE n.nspname = 'membridge' AND c.relname = 'migrations')";

constexpr const char* kRoleAndDatabase =
    "SELECT pg_catalog.quote_ident(current_user), pg_catalog.quote_ident(current_database())";

// Whether this binary may run on a database with migrations that it does not know. It must know the migrations up to
// `runs_beside` of each one that it lacks; beside one without `runs_beside` it may not run.
Result<void> RunsBeside(const Rows& applied, MigrationKind kind, std::span<const Migration> known) {
  for (std::size_t i = known.size(); i < applied.size(); ++i) {
    const std::int64_t least = applied.Int(i, 3) == 0 ? applied.Int(i, 0) : applied.Int(i, 3);
    if (least <= static_cast<std::int64_t>(known.size())) continue;
    return Fail(
        ErrorCode::kRefused,
        fmt::format("the database is newer than this membridge: it has {} migration {}, this binary knows {}", NameOf(kind),
                    applied.Text(i, 1), known.empty() ? "none" : known.back().name),
        fmt::format("start a membridge that knows {} migration {:04} or a newer one, or restore the database as it was before",
                    NameOf(kind), least));
  }
  return {};
}

// Returns how many of `known` the database has, in order and unchanged.
Result<std::size_t> CountApplied(const Rows& applied, MigrationKind kind, std::span<const Migration> known) {
  const std::size_t both = std::min<std::size_t>(applied.size(), known.size());
  for (std::size_t i = 0; i < both; ++i) {
    const Migration& migration = known[i];
    if (applied.Int(i, 0) != migration.number) {
      return Fail(
          ErrorCode::kRefused,
          fmt::format("membridge.migrations lacks {} migration {} but has {}", NameOf(kind), migration.name, applied.Text(i, 1)),
          "restore the table from a backup; something other than membridge changed it");
    }
    if (applied.Text(i, 2) != migration.checksum) {
      return Fail(ErrorCode::kRefused,
                  fmt::format("{} migration {} was applied with other contents than this binary's", NameOf(kind), migration.name),
                  "use the membridge release that made this database, or a newer one; a released migration is never edited");
    }
  }
  if (const auto runs = RunsBeside(applied, kind, known); !runs) return tl::unexpected(runs.error());
  return both;
}

// Adds to a refusal for lack of rights the statement that an owner of the database can run.
tl::unexpected<Error> Refusal(const SqlFailure& failure, MigrationKind kind, std::string_view step, std::string_view role,
                              std::string_view database) {
  const std::string doing = fmt::format("migrating the {} schema ({})", NameOf(kind), step);
  if (failure.IsTransient()) return tl::unexpected(failure.AsError(doing));
  if (failure.fields().sqlstate != "42501") {
    return Fail(ErrorCode::kRefused, fmt::format("{}: {}", doing, failure.what()),
                "the server's log has the whole message; nothing of this migration was kept");
  }
  const std::string hint =
      step == "schema membridge"
          ? fmt::format(
                "as the owner of the database run: CREATE SCHEMA membridge AUTHORIZATION {}; or: GRANT CREATE ON DATABASE {} TO "
                "{};",
                role, database, role)
          : fmt::format("as its owner run: ALTER SCHEMA membridge OWNER TO {}; the tables in it must belong to that role too",
                        role);
  return Fail(ErrorCode::kRefused, fmt::format("{}: role {} lacks a right (sqlstate 42501)", doing, role), hint);
}

// One step of Migrate: the next migration, or nothing when none is left.
class Step {
 public:
  Step(Session& session, MigrationKind kind, std::span<const Migration> known) : session_(session), kind_(kind), known_(known) {}

  Result<std::optional<Migration>> Apply() {
    try {
      return TryApply();
    } catch (const SqlFailure& failure) {
      return Refusal(failure, kind_, doing_, role_, database_);
    }
  }

 private:
  Result<std::optional<Migration>> TryApply() {
    Transaction transaction = session_.Begin();
    transaction.RunScript(kTransactionSettings);
    transaction.Run(kLock);
    const Rows place = transaction.Run(kRoleAndDatabase);
    role_ = place.Text(0, 0);
    database_ = place.Text(0, 1);
    const Rows present = transaction.Run(kPresent);
    doing_ = "schema membridge";
    if (!present.Bool(0, 0)) transaction.RunScript("CREATE SCHEMA membridge");
    doing_ = "membridge.migrations";
    if (!present.Bool(0, 1)) transaction.RunScript(kJournal);
    const Result<std::size_t> applied = CountApplied(transaction.Run(kApplied, {std::string{NameOf(kind_)}}), kind_, known_);
    if (!applied) return tl::unexpected(applied.error());
    if (*applied == known_.size()) return std::optional<Migration>{};

    const Migration& next = known_[*applied];
    if (transaction.Run(kLacksRunsBeside).Bool(0, 0)) {
      // In a transaction of its own, because running processes read this table and must not wait for a migration.
      transaction.RunScript(kAddRunsBeside);
      transaction.Commit();
      return TryApply();
    }
    doing_ = next.name;
    transaction.RunScript(std::string{next.sql});
    transaction.Run(
        "INSERT INTO membridge.migrations (kind, number, name, checksum, runs_beside) VALUES ($1, $2, $3, $4, nullif($5::int, "
        "0))",
        {std::string{NameOf(kind_)}, std::to_string(next.number), std::string{next.name}, std::string{next.checksum},
         std::to_string(next.runs_beside)});
    transaction.Commit();
    return std::optional{next};
  }

  Session& session_;
  MigrationKind kind_;
  std::span<const Migration> known_;
  std::string doing_ = "waiting for the lock";
  std::string role_ = "?";
  std::string database_ = "?";
};

}  // namespace

std::string_view NameOf(MigrationKind kind) {
  return kind == MigrationKind::kState ? "state" : "ledger";
}

Result<std::vector<Migration>> Migrate(Session& session, MigrationKind kind) {
  return Migrate(session, kind, MigrationsOf(kind));
}

Result<std::vector<Migration>> Migrate(Session& session, MigrationKind kind, std::span<const Migration> known) {
  std::vector<Migration> done;
  while (true) {
    const Result<std::optional<Migration>> next = Step(session, kind, known).Apply();
    if (!next) return tl::unexpected(next.error());
    if (!next->has_value()) return done;
    done.push_back(**next);
  }
}

Result<std::vector<Migration>> PendingMigrations(Session& session, MigrationKind kind) {
  const std::span<const Migration> known = MigrationsOf(kind);
  try {
    if (!session.Run(kPresent).Bool(0, 1)) return std::vector<Migration>(known.begin(), known.end());
    const Result<std::size_t> applied = CountApplied(session.Run(kApplied, {std::string{NameOf(kind)}}), kind, known);
    if (!applied) return tl::unexpected(applied.error());
    const std::span<const Migration> rest = known.subspan(*applied);
    return std::vector<Migration>(rest.begin(), rest.end());
  } catch (const SqlFailure& failure) {
    return Refusal(failure, kind, "membridge.migrations", "?", "?");
  }
}

}  // namespace membridge::sync
