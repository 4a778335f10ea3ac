#include <array>
#include <atomic>
#include <thread>

#include "sync/migrations/migrate.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge {
namespace {

using sync::Migrate;
using sync::Migration;
using sync::MigrationKind;
using sync::PendingMigrations;
using sync::postgres::Session;
using test::PgDatabase;

constexpr std::array<Migration, 3> kThree{{
    Migration{MigrationKind::kState, 1, "0001_first", "one",
              "CREATE TABLE membridge.first (id int); INSERT INTO membridge.first VALUES (1)"},
    Migration{MigrationKind::kState, 2, "0002_second", "two", "INSERT INTO membridge.first VALUES (2)"},
    Migration{MigrationKind::kState, 3, "0003_third", "three", "INSERT INTO membridge.first VALUES (3)"},
}};

// A role of its own, gone with the case; the server may be shared with others.
class Role {
 public:
  explicit Role(const PgDatabase& db) : db_(db), name_("role_of_" + db.Value("SELECT current_database()")) {
    db_.Run("CREATE ROLE " + name_ + " LOGIN");
  }
  Role(const Role&) = delete;
  Role& operator=(const Role&) = delete;
  ~Role() {
    db_.Run("DROP OWNED BY " + name_);
    db_.Run("DROP ROLE " + name_);
  }
  const std::string& Name() const { return name_; }
  Session Connect() const { return Session(db_.Dsn() + " user=" + name_); }

 private:
  const PgDatabase& db_;
  std::string name_;
};

}  // namespace

TEST_CASE("migrating an empty database makes schema, state and ledger; a second time does nothing", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  REQUIRE(PendingMigrations(session, MigrationKind::kState)->size() == MigrationsOf(MigrationKind::kState).size());
  REQUIRE(Migrate(session, MigrationKind::kState)->size() == MigrationsOf(MigrationKind::kState).size());
  REQUIRE(PendingMigrations(session, MigrationKind::kLedger)->size() == MigrationsOf(MigrationKind::kLedger).size());
  REQUIRE(Migrate(session, MigrationKind::kLedger)->size() == MigrationsOf(MigrationKind::kLedger).size());
  CHECK(db.Count("membridge.dirty") == 0);
  CHECK(db.Count("membridge.sources") == 0);
  CHECK(
      db.Value("SELECT string_agg(kind || ' ' || name, ', ' ORDER BY kind, number) FROM membridge.migrations WHERE number = 1") ==
      "ledger 0001_ledger, state 0001_state");
  CHECK(Migrate(session, MigrationKind::kState)->empty());
  CHECK(Migrate(session, MigrationKind::kLedger)->empty());
  CHECK(PendingMigrations(session, MigrationKind::kState)->empty());
  CHECK(db.Value("SELECT length(checksum) FROM membridge.migrations LIMIT 1") == "64");
}

TEST_CASE("only what is new is applied", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  REQUIRE(Migrate(session, MigrationKind::kState, std::span(kThree).first(1)).has_value());
  const auto rest = Migrate(session, MigrationKind::kState, kThree);
  REQUIRE(rest.has_value());
  REQUIRE(rest->size() == 2);
  CHECK(rest->front().name == "0002_second");
  CHECK(db.Value("SELECT array_agg(id ORDER BY id)::text FROM membridge.first") == "{1,2,3}");
}

TEST_CASE("many processes starting at once apply each migration once", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  std::atomic<std::size_t> applied{0};
  std::atomic<int> failed{0};
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 8; ++i) {
      processes.emplace_back([&] {
        Session session = db.Session();
        const auto done = Migrate(session, MigrationKind::kState, kThree);
        if (done) {
          applied += done->size();
        } else {
          ++failed;
        }
      });
    }
  }
  CHECK(applied == kThree.size());
  CHECK(failed == 0);
  CHECK(db.Value("SELECT array_agg(id ORDER BY id)::text FROM membridge.first") == "{1,2,3}");
}

TEST_CASE("a migration that fails leaves nothing of itself and keeps those before it", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  std::array<Migration, 3> broken = kThree;
  broken[1].sql = "INSERT INTO membridge.first VALUES (2); INSERT INTO membridge.nowhere VALUES (1)";
  const auto refused = Migrate(session, MigrationKind::kState, broken);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(refused.error().message == "migrating the state schema (0002_second): sqlstate 42P01");
  CHECK(db.Value("SELECT array_agg(id)::text FROM membridge.first") == "{1}");
  CHECK(Migrate(session, MigrationKind::kState, kThree)->size() == 2);
}

TEST_CASE("an edited, missing or unknown migration is refused and nothing changes", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  REQUIRE(Migrate(session, MigrationKind::kState, kThree).has_value());
  std::span<const Migration> known = kThree;
  std::string message;
  SECTION("edited") {
    db.Run("UPDATE membridge.migrations SET checksum = 'other' WHERE number = 2");
    message = "state migration 0002_second was applied with other contents than this binary's";
  }
  SECTION("missing") {
    db.Run("DELETE FROM membridge.migrations WHERE number = 2");
    message = "membridge.migrations lacks state migration 0002_second but has 0003_third";
  }
  SECTION("newer than the binary") {
    known = known.first(2);
    message = "the database is newer than this membridge: it has state migration 0003_third, this binary knows 0002_second";
  }
  const auto refused = Migrate(session, MigrationKind::kState, known);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(refused.error().message == message);
  CHECK_FALSE(refused.error().hint.empty());
}

TEST_CASE("a binary goes on running on a newer database while every migration it lacks runs beside it", "[sync][pg][upgrade]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  std::array<Migration, 3> known = kThree;
  known[1].runs_beside = 1;
  known[2].runs_beside = 2;
  REQUIRE(Migrate(session, MigrationKind::kState, known)->size() == 3);
  const std::span<const Migration> all = known;
  for (const std::size_t count : {3U, 2U}) {
    CAPTURE(count);
    CHECK(Migrate(session, MigrationKind::kState, all.first(count))->empty());
  }
  // The third needs the second, though the second would run beside the first.
  const auto refused = Migrate(session, MigrationKind::kState, all.first(1));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(refused.error().message ==
        "the database is newer than this membridge: it has state migration 0003_third, this binary knows 0001_first");
  CHECK(refused.error().hint ==
        "start a membridge that knows state migration 0002 or a newer one, or restore the database as it was before");
}

TEST_CASE("each migration since 0016 of the state and 0008 of the ledger names the oldest binary that may run beside it",
          "[sync][upgrade]") {
  for (const auto& [kind, since] : {std::pair{MigrationKind::kState, 16}, std::pair{MigrationKind::kLedger, 8}}) {
    for (const Migration& migration : sync::MigrationsOf(kind)) {
      CAPTURE(migration.name);
      CHECK((migration.number <= since || migration.runs_beside >= since));
      CHECK(migration.runs_beside < migration.number);
    }
  }
}

TEST_CASE("a database whose migrations do not say what runs beside them is migrated, and says it from then on",
          "[sync][pg][upgrade]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  std::array<Migration, 3> known = kThree;
  known[2].runs_beside = 2;
  const std::span<const Migration> all = known;
  REQUIRE(Migrate(session, MigrationKind::kState, all.first(2)).has_value());
  db.Run("ALTER TABLE membridge.migrations DROP COLUMN runs_beside");  // as the first binaries made it
  REQUIRE(Migrate(session, MigrationKind::kState, known)->size() == 1);
  CHECK(Migrate(session, MigrationKind::kState, all.first(2))->empty());
  CHECK_FALSE(Migrate(session, MigrationKind::kState, all.first(1)).has_value());
}

TEST_CASE("a database newer than the binary is not ready", "[sync][pg]") {
  const PgDatabase db;
  Session session = db.Session();
  CHECK(PendingMigrations(session, MigrationKind::kState)->empty());
  db.Run("INSERT INTO membridge.migrations VALUES ('state', 9999, '9999_future', 'x')");
  const auto pending = PendingMigrations(session, MigrationKind::kState);
  REQUIRE_FALSE(pending.has_value());
  CHECK(pending.error().code == ErrorCode::kRefused);
}

TEST_CASE("a role that may not make the schema is told the statement that helps, and it does help", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  const Role role(db);
  Session session = role.Connect();
  const auto refused = Migrate(session, MigrationKind::kState, kThree);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message ==
        "migrating the state schema (schema membridge): role " + role.Name() + " lacks a right (sqlstate 42501)");
  const std::string statement = "CREATE SCHEMA membridge AUTHORIZATION " + role.Name();
  REQUIRE(std::string_view(refused.error().hint).find(statement) != std::string_view::npos);
  db.Run(statement);
  CHECK(Migrate(session, MigrationKind::kState, kThree)->size() == 3);
  CHECK(Migrate(session, MigrationKind::kState, kThree)->empty());
}

TEST_CASE("a schema of another owner is refused with the statement that helps", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  db.Run("CREATE SCHEMA membridge");
  const Role role(db);
  Session session = role.Connect();
  const auto refused = Migrate(session, MigrationKind::kState, kThree);
  REQUIRE_FALSE(refused.has_value());
  const std::string statement = "ALTER SCHEMA membridge OWNER TO " + role.Name();
  REQUIRE(std::string_view(refused.error().hint).find(statement) != std::string_view::npos);
  db.Run(statement);
  CHECK(Migrate(session, MigrationKind::kState, kThree)->size() == 3);
}

TEST_CASE("a broken connection is worth another try", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  db.Run("SELECT pg_terminate_backend($1)", {std::string{session.Run("SELECT pg_backend_pid()").Text(0, 0)}});
  const auto failed = Migrate(session, MigrationKind::kState, kThree);
  REQUIRE_FALSE(failed.has_value());
  CHECK(failed.error().code == ErrorCode::kUnavailable);
}

}  // namespace membridge
