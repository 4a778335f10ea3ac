#include <chrono>
#include <set>
#include <string>
#include <thread>

#include "sync/postgres/binary.hpp"
#include "sync/postgres/poolers.hpp"
#include "sync/postgres/session.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::postgres::ArrayOf;
using sync::postgres::Param;
using sync::postgres::QuoteLiteral;
using sync::postgres::QuoteName;
using sync::postgres::RedactDsn;
using sync::postgres::Rows;
using sync::postgres::Session;
using sync::postgres::SqlFailure;
using sync::postgres::Transaction;

// What the statement is refused with; a test error when it is not.
template <class Work>
SqlFailure FailureOf(Work work) {
  try {
    work();
  } catch (const SqlFailure& failure) {
    return failure;
  }
  FAIL("nothing was refused");
  return SqlFailure({});
}

}  // namespace

TEST_CASE("values come back as the server prints them, in UTC and ISO whatever the database's settings", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("ALTER DATABASE " + db.Value("SELECT current_database()") + " SET timezone TO 'America/New_York'");
  db.Run("ALTER DATABASE " + db.Value("SELECT current_database()") + " SET datestyle TO 'German'");
  Session session = db.Session();
  const Rows rows = session.Run(
      "SELECT timestamptz '2026-03-01 09:12:44.018+01', interval '1 day 2 hours', 0.1::float8 + 0.2, true, NULL, '', 42, "
      "current_setting('application_name'), current_setting('client_encoding')");
  REQUIRE(rows.size() == 1);
  CHECK(rows.Text(0, 0) == "2026-03-01 08:12:44.018+00");
  CHECK(rows.Text(0, 1) == "P1DT2H");
  CHECK(rows.Text(0, 2) == "0.30000000000000004");
  CHECK(rows.Bool(0, 3));
  CHECK(rows.IsNull(0, 4));
  CHECK(rows.Text(0, 4).empty());
  CHECK_FALSE(rows.Optional(0, 4).has_value());
  CHECK_FALSE(rows.IsNull(0, 5));
  CHECK(rows.Optional(0, 5) == "");
  CHECK(rows.Int(0, 6) == 42);
  CHECK(rows.Text(0, 7) == "membridge");
  CHECK(rows.Text(0, 8) == "UTF8");
}

TEST_CASE("names are looked up in pg_catalog alone, but where an application's tables are written", "[sync][pg][T13]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("ALTER DATABASE " + db.Value("SELECT current_database()") + " SET search_path TO elsewhere, public");
  const auto path = [](auto& where) {
    return std::string{where.Run("SELECT pg_catalog.current_setting('search_path')").Text(0, 0)};
  };
  const bool declared = GENERATE(false, true);  // as if a pooler stood in between
  sync::postgres::UsePoolers(declared ? std::set<std::string>{db.Dsn()} : std::set<std::string>{});
  Session session{db.Dsn()};
  Session roles = db.Session();
  sync::postgres::UsePoolers({});
  CHECK(path(session) == "pg_catalog, pg_temp");
  CHECK(path(roles) == "elsewhere, public");
  Transaction transaction = session.Begin();
  transaction.EnterRolesPath();
  CHECK(path(transaction) == "elsewhere, public");
  transaction.LeaveRolesPath();
  CHECK(path(transaction) == "pg_catalog, pg_temp");
  Transaction of_roles = roles.Begin();
  of_roles.EnterRolesPath();
  of_roles.LeaveRolesPath();
  CHECK(path(of_roles) == "elsewhere, public");
}

TEST_CASE("behind a pooler settings travel with each transaction, and none is left behind", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("ALTER DATABASE " + db.Value("SELECT current_database()") + " SET default_transaction_isolation TO 'serializable'");
  sync::postgres::UsePoolers({db.Dsn()});
  Session session{db.Dsn()};
  sync::postgres::UsePoolers({});
  session.Set("lock_timeout", "77ms");
  const auto is = [&](const char* name) {
    return std::string{session.Run("SELECT pg_catalog.current_setting($1)", {name}).Text(0, 0)};
  };
  const auto left = [&](const std::string& name) { return std::string{session.RunAlone("SHOW " + name).Text(0, 0)}; };
  CHECK(is("lock_timeout") == "77ms");
  CHECK(is("transaction_isolation") == "read committed");
  CHECK(is("search_path") == "pg_catalog, pg_temp");
  CHECK(left("lock_timeout") == "0");
  CHECK(left("transaction_isolation") == "serializable");
  CHECK(left("search_path") == "\"$user\", public");
  CHECK_FALSE(sync::postgres::MeetsPooler(session, db.Dsn()));
  const sync::postgres::BinaryStatement statement{"membridge_test", "SELECT $1"};
  for (int i = 0; i < 2; ++i) CHECK(session.RunBinary(statement, {sync::postgres::BinaryNumber(42)}) == "42");
  CHECK(session.Run("SELECT count(*) FROM pg_catalog.pg_prepared_statements").Int(0, 0) == 0);
}

TEST_CASE("rows outlive their transaction and session", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  const Rows rows = db.Session().Run("SELECT 'still here'");
  CHECK(rows.Text(0, 0) == "still here");
}

TEST_CASE("parameters may be many, large, null and odd", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  Session session = db.Session();
  SECTION("thousands") {
    std::string sql = "SELECT 0";
    std::vector<Param> params;
    for (int i = 1; i <= 2000; ++i) {
      sql += " + $" + std::to_string(i) + "::int";
      params.emplace_back(std::to_string(i));
    }
    CHECK(session.Run(sql, params).Int(0, 0) == 2001000);
  }
  SECTION("sixteen megabytes") {
    const std::string large(16 << 20, 'x');
    const Rows rows = session.Run("SELECT length($1), $1::text", {large});
    CHECK(rows.Int(0, 0) == 16 << 20);
    CHECK(rows.Text(0, 1) == large);
  }
  SECTION("null, empty, quotes, and characters of four bytes") {
    const std::string odd = "it's \"odd\" \\ {,} 🐘 $1";
    const Rows rows = session.Run("SELECT $1::text IS NULL, $2::text = '', $3::text, ($4::text[])[2]",
                                  {std::nullopt, "", odd, ArrayOf({"a", odd, std::nullopt, "NULL", ""})});
    CHECK(rows.Bool(0, 0));
    CHECK(rows.Bool(0, 1));
    CHECK(rows.Text(0, 2) == odd);
    CHECK(rows.Text(0, 3) == odd);
  }
  SECTION("an array keeps its nulls apart from the word") {
    CHECK(session.Run("SELECT array_to_json($1::text[])::text", {ArrayOf({std::nullopt, "NULL", "", "null"})}).Text(0, 0) ==
          "[null,\"NULL\",\"\",\"null\"]");
    CHECK(session.Run("SELECT cardinality($1::text[])", {ArrayOf({})}).Int(0, 0) == 0);
  }
  SECTION("NUL is refused, not cut off") {
    const SqlFailure failure = FailureOf([&] { session.Run("SELECT $1::text", {std::string("a\0b", 3)}); });
    CHECK(failure.fields().sqlstate == "22021");
    CHECK(failure.IsRowRejected());
    CHECK(session.Usable());
  }
  SECTION("broken UTF-8 is refused by the server") {
    CHECK(FailureOf([&] { session.Run("SELECT $1::text", {"a\xff"}); }).IsRowRejected());
  }
}

TEST_CASE("affected rows are counted", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("CREATE TABLE people (id int)");
  CHECK(db.Run("INSERT INTO people SELECT generate_series(1, 7)").Affected() == 7);
  CHECK(db.Run("UPDATE people SET id = id WHERE id > 5").Affected() == 2);
  CHECK(db.Count("people WHERE id > 5") == 2);
}

TEST_CASE("a refusal names table and constraint; values stay out of what may be logged", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run(
      "CREATE TABLE people (email text CONSTRAINT one_email UNIQUE, age int CONSTRAINT adult CHECK (age > 17), name text NOT "
      "NULL)");
  db.Run("INSERT INTO people VALUES ('ada@example.com', 36, 'Ada')");
  Session session = db.Session();

  const SqlFailure twice = FailureOf([&] { session.Run("INSERT INTO people VALUES ('ada@example.com', 40, 'Eve')"); });
  CHECK(twice.fields().sqlstate == "23505");
  CHECK(twice.fields().schema == "public");
  CHECK(twice.fields().table == "people");
  CHECK(twice.fields().constraint == "one_email");
  CHECK(twice.fields().detail == "Key (email)=(ada@example.com) already exists.");
  CHECK(std::string(twice.what()) == "sqlstate 23505 on table public.people, constraint one_email");
  CHECK(twice.IsRowRejected());
  CHECK_FALSE(twice.IsTransient());
  CHECK(twice.AsError("storing a row").code == ErrorCode::kRowRejected);
  CHECK(twice.AsError("storing a row").message == "storing a row: sqlstate 23505 on table public.people, constraint one_email");

  const SqlFailure missing = FailureOf([&] { session.Run("INSERT INTO people VALUES ('eve@example.com', 40, NULL)"); });
  CHECK(missing.fields().column == "name");
  CHECK(std::string(missing.what()) == "sqlstate 23502 on table public.people, column name");

  const SqlFailure young = FailureOf([&] { session.Run("INSERT INTO people VALUES ('tim@example.com', 4, 'Tim')"); });
  CHECK(young.fields().constraint == "adult");

  const SqlFailure no_number = FailureOf([&] { session.Run("SELECT $1::int", {"secret"}); });
  CHECK(no_number.fields().message == "invalid input syntax for type integer: \"secret\"");
  CHECK(std::string(no_number.what()) == "sqlstate 22P02");
  CHECK(no_number.IsRowRejected());
}

TEST_CASE("text that imitates libpq's own error lines cannot name a table", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  Session session = db.Session();
  const SqlFailure failure = FailureOf([&] {
    session.Run("DO $$ BEGIN RAISE E'no\\nTABLE NAME:  forged\\nCONSTRAINT NAME:  forged' USING HINT = 'look'; END $$");
  });
  CHECK(failure.fields().sqlstate == "P0001");
  CHECK(failure.fields().table.empty());
  CHECK(failure.fields().hint == "look");
  CHECK(std::string(failure.what()) == "sqlstate P0001");
  CHECK(failure.IsRowRejected());
}

TEST_CASE("a mapping's mistake is neither the row's nor the connection's", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  Session session = db.Session();
  const SqlFailure failure = FailureOf([&] { session.Run("SELECT * FROM nowhere"); });
  CHECK(failure.fields().sqlstate == "42P01");
  CHECK(failure.AsError("reading").code == ErrorCode::kBadMapping);
  CHECK(session.Usable());
  CHECK(session.Run("SELECT 1").Int(0, 0) == 1);
}

TEST_CASE("a transaction is rolled back unless it was committed", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("CREATE TABLE people (name text)");
  Session session = db.Session();
  {
    Transaction transaction = session.Begin();
    transaction.Run("INSERT INTO people VALUES ($1)", {"Ada"});
  }
  CHECK(db.Count("people") == 0);
  {
    Transaction transaction = session.Begin();
    transaction.Run("INSERT INTO people VALUES ($1)", {"Ada"});
    transaction.Commit();
  }
  CHECK(db.Count("people") == 1);
}

TEST_CASE("a savepoint takes back what was refused and keeps the rest", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("CREATE TABLE people (name text UNIQUE)");
  Session session = db.Session();
  Transaction transaction = session.Begin();
  transaction.Run("INSERT INTO people VALUES ('Ada')");
  transaction.Savepoint("attempt");
  CHECK_THROWS_AS(transaction.Run("INSERT INTO people VALUES ('Ada')"), SqlFailure);
  transaction.RollbackTo("attempt");
  transaction.Run("INSERT INTO people VALUES ('Eve')");
  transaction.Release("attempt");
  transaction.Commit();
  CHECK(db.Count("people") == 2);
}

TEST_CASE("committing a failed transaction is an error, not a quiet rollback", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("CREATE TABLE people (name text)");
  Session session = db.Session();
  {
    Transaction transaction = session.Begin();
    transaction.Run("INSERT INTO people VALUES ('Ada')");
    CHECK_THROWS_AS(transaction.Run("SELECT 1/0"), SqlFailure);
    CHECK(FailureOf([&] { transaction.Commit(); }).fields().sqlstate == "25P02");
  }
  CHECK(db.Count("people") == 0);
  CHECK(session.Run("SELECT 1").Int(0, 0) == 1);
}

TEST_CASE("a constraint checked at COMMIT reports its fields", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("CREATE TABLE people (name text CONSTRAINT later UNIQUE DEFERRABLE INITIALLY DEFERRED)");
  Session session = db.Session();
  {
    Transaction transaction = session.Begin();
    transaction.Run("INSERT INTO people VALUES ('Ada'), ('Ada')");
    const SqlFailure failure = FailureOf([&] { transaction.Commit(); });
    CHECK(failure.fields().constraint == "later");
    CHECK(failure.IsRowRejected());
  }
  CHECK(session.Usable());
  CHECK(session.Run("SELECT 1").Int(0, 0) == 1);
}

TEST_CASE("a broken connection says so, stays broken and is never reopened behind our back", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  Session session = db.Session();
  const std::string backend{session.Run("SELECT pg_backend_pid()").Text(0, 0)};
  SECTION("between statements") {
    db.Run("SELECT pg_terminate_backend($1)", {backend});
    const SqlFailure failure = FailureOf([&] {
      for (int i = 0; i < 1000; ++i) session.Run("SELECT 1");
    });
    CHECK(failure.IsTransient());
    CHECK(failure.AsError("polling").code == ErrorCode::kUnavailable);
  }
  SECTION("inside a transaction") {
    Transaction transaction = session.Begin();
    transaction.Run("CREATE TABLE people (name text)");
    db.Run("SELECT pg_terminate_backend($1)", {backend});
    CHECK(FailureOf([&] {
            for (int i = 0; i < 1000; ++i) transaction.Run("SELECT 1");
          }).IsTransient());
    CHECK(FailureOf([&] { transaction.Commit(); }).IsTransient());
  }
  SECTION("by the statement itself") {
    CHECK(FailureOf([&] { session.Run("SELECT pg_terminate_backend(pg_backend_pid())"); }).IsTransient());
  }
  SECTION("while waiting for a notice") {
    session.Listen("dirty");
    db.Run("SELECT pg_terminate_backend($1)", {backend});
    CHECK(FailureOf([&] { session.WaitForNotice(10s); }).IsTransient());
  }
  CHECK_FALSE(session.Usable());
  CHECK(FailureOf([&] { session.Run("SELECT 1"); }).IsTransient());
  CHECK(FailureOf([&] { session.Begin(); }).IsTransient());
}

TEST_CASE("a session whose transaction was left open behind its back is given up", "[sync][pg]") {
  const test::PgDatabase database;
  for (const char* last : {"SELECT 1 / 0", "SELECT 1"}) {
    CAPTURE(last);
    Session session{database.Dsn()};
    session.RunAlone("BEGIN");
    try {
      session.RunAlone(last);
    } catch (const SqlFailure&) {
    }
    try {
      session.Begin();
      FAIL("a transaction began inside of another");
    } catch (const SqlFailure& failure) {
      CHECK(failure.fields().sqlstate == "08007");
      CHECK(failure.IsTransient());
    }
    CHECK_FALSE(session.Usable());
    CHECK_THROWS_AS(session.Run("SELECT 1"), SqlFailure);
  }
}

TEST_CASE("transient refusals are told from final ones", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  db.Run("CREATE TABLE people (name text)");
  Session holder = db.Session();
  Session session = db.Session();
  Transaction holding = holder.Begin();
  holding.Run("LOCK TABLE people");
  CHECK(FailureOf([&] {
          Transaction transaction = session.Begin();
          transaction.Run("LOCK TABLE people NOWAIT");
        })
            .fields()
            .sqlstate == "55P03");
  const SqlFailure cancelled = FailureOf([&] {
    Transaction transaction = session.Begin();
    transaction.Run("SET LOCAL statement_timeout TO 50");
    transaction.Run("SELECT * FROM people");
  });
  CHECK(cancelled.fields().sqlstate == "57014");
  CHECK(cancelled.IsTransient());
  CHECK(session.Usable());
}

TEST_CASE("notices wake a listener, whoever sent them and however many", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  Session listener = db.Session();
  listener.Listen("dirty");
  CHECK_FALSE(listener.WaitForNotice(10ms));
  SECTION("sent before the wait") {
    db.Run("NOTIFY dirty");
    db.Run("NOTIFY dirty, 'again'");
    CHECK(listener.WaitForNotice(10s));
  }
  SECTION("sent while waiting") {
    std::jthread sender([&] {
      Session session = db.Session();
      session.Run("NOTIFY dirty");
    });
    CHECK(listener.WaitForNotice(10s));
  }
  SECTION("that came along with a statement's answer") {
    db.Run("NOTIFY dirty");
    listener.Run("SELECT 1");
    CHECK(listener.WaitForNotice(10s));
  }
  CHECK(listener.Run("SELECT 1").Int(0, 0) == 1);
}

TEST_CASE("a connection that cannot be made says why and never quotes the password", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  const SqlFailure nobody = FailureOf([] { Session("postgresql://ada:hunter2@127.0.0.1:1/db"); });
  CHECK(nobody.IsTransient());
  CHECK(std::string_view(nobody.what()).find("127.0.0.1") != std::string_view::npos);
  CHECK(std::string_view(nobody.what()).find("hunter2") == std::string_view::npos);
  const SqlFailure unreadable = FailureOf([] { Session("hunter2 is no dsn"); });
  CHECK(std::string(unreadable.what()) ==
        "cannot connect to PostgreSQL: the DSN is neither a postgresql:// URL nor keyword=value pairs");
  const SqlFailure missing = FailureOf([&] { Session(db.Dsn() + " dbname=nowhere"); });
  CHECK(std::string_view(missing.what()).find("nowhere") != std::string_view::npos);
}

TEST_CASE("names and literals survive any character", "[sync][pg]") {
  const test::PgDatabase db{test::PgDatabase::Content::kBare};
  const std::string odd = "it's \"odd\" \\ \\' 🐘; --";
  Session session = db.Session();
  session.Run("CREATE TABLE " + QuoteName(odd) + " (" + QuoteName(odd + "c") + " text)");
  CHECK(session.Run("SELECT relname FROM pg_class WHERE relname = " + QuoteLiteral(odd)).Text(0, 0) == odd);
  CHECK(session.Run("SELECT" + QuoteLiteral("plain")).Text(0, 0) == "plain");
}

TEST_CASE("a DSN loses its password and nothing else", "[sync][pg]") {
  CHECK(RedactDsn("postgresql://ada:hunter2@db1:5432,db2/crm?sslmode=require") ==
        "postgresql://ada:***@db1:5432,db2/crm?sslmode=require");
  CHECK(RedactDsn("postgres://ada@db/crm?password=hunter2&sslpassword=hunter3&connect_timeout=3") ==
        "postgres://ada@db/crm?password=***&sslpassword=***&connect_timeout=3");
  CHECK(RedactDsn("postgresql:///crm?host=/run/postgresql") == "postgresql:///crm?host=/run/postgresql");
  CHECK(RedactDsn("host=db password='hun \\'ter2' dbname=crm") == "password=*** dbname=crm host=db");
  CHECK(RedactDsn("hunter2") == "***");
}

}  // namespace membridge
