// What a state of an earlier release becomes when deliveries become a journal.
#include "sync/inbox/delivery_log.hpp"
#include "sync/inbox/fold.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "sync/migrations/migrate.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using sync::DeliveriesStore;
using sync::MigrationKind;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::PgDatabase;

constexpr std::size_t kBeforeTheJournal = 12;

/// One delivery as releases before the journal stored it.
void AcceptAsBefore(Session& session, const std::string& id, const std::string& when, const std::string& memory, bool event) {
  session.Run(
      "SELECT membridge.accept_events(ARRAY[$1::uuid], '{3}', ARRAY[$2::timestamptz], '{crm}', '{add}', '{192.0.2.1}', '{\"\"}', "
      "'{\"{}\"}', ARRAY['{' || $3 || '}'], '{1}', '{4}', '\\x61626364', ARRAY[$1::uuid], '{5}', '{crm}', ARRAY[$3], '5000', "
      "ARRAY[CASE WHEN $4::boolean THEN $1::uuid END], '{ADD}')",
      {id, when, memory, event ? "t" : "f"});
}

}  // namespace

TEST_CASE("deliveries, marks, events and parked memories of an earlier release are carried into the journal",
          "[sync][pg][fold]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  Session session = db.Session();
  const auto known = sync::MigrationsOf(MigrationKind::kState);
  REQUIRE(sync::Migrate(session, MigrationKind::kState, known.first(kBeforeTheJournal)).has_value());
  // A month of days, as housekeeping made them; what came before its day had one waits in the default partition.
  const std::string today = db.Value("SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date");
  for (const char* days : {"-20", "-1", "0", "1"}) {
    const auto day =
        session.Run("SELECT $1::date + $2::int, to_char($1::date + $2::int, 'YYYYMMDD'), $1::date + $2::int + 1", {today, days});
    db.RunScript("CREATE TABLE membridge.deliveries_" + std::string{day.Text(0, 1)} +
                 " PARTITION OF membridge.deliveries FOR VALUES FROM ('" + std::string{day.Text(0, 0)} + " 00:00+00') TO ('" +
                 std::string{day.Text(0, 2)} + " 00:00+00')");
  }
  const auto at = [&](const std::string& days) {
    return db.Value("SELECT ($1::date + $2::int + time '10:00') AT TIME ZONE 'UTC'", {today, days});
  };
  AcceptAsBefore(session, "01900000-0000-7000-8000-000000000001", at("-20"), "m-1", false);
  AcceptAsBefore(session, "01900000-0000-7000-8000-000000000002", at("0"), "m-2", true);
  AcceptAsBefore(session, "01900000-0000-7000-8000-000000000003", at("-7"), "m-3", false);
  test::Mark(db, {"m-4"}, "reproject");
  session.Run("INSERT INTO membridge.parked (project, memory_id, mapping, code, cause) VALUES ('crm', 'm-5', 'p', 'x', 'y')");
  const std::string events = db.Value("SELECT string_agg(e::text, ' ') FROM membridge.events e");
  const std::string parked = db.Value("SELECT cause FROM membridge.parked");

  REQUIRE(sync::Migrate(session, MigrationKind::kState).has_value());
  CHECK(db.Count("membridge.deliveries") == 3);
  CHECK(db.Value("SELECT string_agg(tableoid::regclass::text, ' ') FROM membridge.deliveries WHERE id = "
                 "'01900000-0000-7000-8000-000000000003'") ==
        "membridge.deliveries_" + db.Value("SELECT to_char($1::date - 7, 'YYYYMMDD')", {today}));
  CHECK(db.Value(
            "SELECT string_agg(memory_id || ' ' || rank || ' ' || generation, ', ' ORDER BY memory_id) FROM membridge.dirty") ==
        "m-1 0 1, m-2 0 1, m-3 0 1, m-4 3 1");
  CHECK(db.Value("SELECT string_agg(e::text, ' ') FROM membridge.events e") == events);
  CHECK(db.Value("SELECT cause FROM membridge.parked") == parked);
  CHECK(test::FoldAll(db) == 0);
  const auto page = test::InTransaction(
      db, [](Transaction& transaction) { return DeliveriesStore{transaction}.List({.memory = MemoryId{"m-3"}}, 10); });
  REQUIRE(page->deliveries.size() == 1);
  CHECK(page->deliveries[0].body_bytes == 4);

  // A process that was started before goes on, and is folded.
  AcceptAsBefore(session, "01900000-0000-7000-8000-000000000004", at("0"), "m-6", true);
  AcceptAsBefore(session, "01900000-0000-7000-8000-000000000004", at("0"), "m-6", true);
  CHECK(test::FoldAll(db) == 1);
  CHECK(db.Count("membridge.dirty WHERE memory_id = 'm-6'") == 1);
  CHECK(db.Count("membridge.events WHERE memory_id = 'm-6' AND id = delivery AND type = 'ADD'") == 1);
  // A clock that is weeks behind: stored on the first day the fold looks at.
  sync::PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept({test::DeliveryOf(1, {"m-7"})}).has_value());
  CHECK(test::FoldAll(db) == 1);
  CHECK(db.Count("membridge.dirty WHERE memory_id = 'm-7'") == 1);
  CHECK(test::FoldAll(db) == 0);
}

TEST_CASE("beside a publication of all tables every table of ours can be changed", "[sync][pg][T3]") {
  const PgDatabase db;
  db.RunScript("CREATE PUBLICATION everything FOR ALL TABLES");
  sync::PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept({test::DeliveryOf(1, {"m-1"})}).has_value());
  CHECK(test::FoldAll(db) == 1);
  // Those that are not in the publication's way: with a key, or a replica identity, or not logged.
  CHECK(db.Value("SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relnamespace = 'membridge'::regnamespace "
                 "AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.relreplident <> 'f' "
                 "AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary)")
            .empty());
  const auto tables = db.Run(
      "SELECT c.oid::regclass::text, (SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 "
      "AND NOT attisdropped AND attidentity = '' ORDER BY attnum DESC LIMIT 1) FROM pg_class c "
      "WHERE c.relnamespace = 'membridge'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'audit%'");
  for (std::size_t row = 0; row < tables.size(); ++row) {
    const std::string table{tables.Text(row, 0)}, column{tables.Text(row, 1)};
    CAPTURE(table);
    CHECK_NOTHROW(db.Run("UPDATE " + table + " SET " + column + " = " + column));
    CHECK_NOTHROW(db.Run("DELETE FROM " + table + " WHERE false"));
  }
}

}  // namespace membridge
