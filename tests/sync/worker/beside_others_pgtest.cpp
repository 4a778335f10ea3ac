// The bridge's schema beside what others have in the same database: CDC, audit triggers, event triggers.
#include <string>
#include <vector>

#include "sync/inbox/delivery_partitions.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kBesideTables =
    "CREATE TABLE companies (id bigserial PRIMARY KEY, domain text NOT NULL);"
    "CREATE TABLE people (ref text PRIMARY KEY, company_id bigint)";
const std::map<std::string, std::string> kBesideMappings{
    {"companies.yaml", "rows: {company: {table: companies, key: {domain: $memory.metadata.founds}}}"},
    {"people.yaml",
     "rows:\n"
     "  company: {table: companies, create: false, key: {domain: $memory.metadata.works_at}}\n"
     "  person:\n"
     "    table: people\n"
     "    when: $memory.metadata.works_at\n"
     "    key: {ref: $memory.user_id}\n"
     "    gone: delete\n"
     "    set: {company_id: $company.id}\n"}};

/// What a database's owner may have put there: every table is published and audited, every DDL is written down, and DDL in
/// schemas that are not known is refused. Nothing of it names its tables without their schema, as such functions do.
constexpr const char* kOtherPeoples = R"(
CREATE SCHEMA audit;
CREATE TABLE audit.log (id bigserial PRIMARY KEY, relation text, operation text, row_data jsonb);
CREATE TABLE audit.ddl (id bigserial PRIMARY KEY, event text, tag text);
CREATE FUNCTION audit.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO audit.log (relation, operation, row_data)
  VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, TG_OP, CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) ELSE to_jsonb(NEW) END);
  RETURN NULL;
END $$;
DO $$ DECLARE r record; BEGIN
  FOR r IN SELECT c.oid::regclass AS name FROM pg_class c WHERE c.relnamespace IN ('membridge'::regnamespace, 'public'::regnamespace)
           AND c.relkind IN ('r', 'p') AND NOT c.relispartition LOOP
    EXECUTE format('CREATE TRIGGER audit_note AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION audit.note()', r.name);
  END LOOP;
END $$;
CREATE PUBLICATION everything FOR ALL TABLES;
CREATE FUNCTION audit.started() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO audit.ddl (event, tag) VALUES (TG_EVENT, TG_TAG);
END $$;
CREATE FUNCTION audit.ended() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
  FOR r IN SELECT * FROM pg_event_trigger_ddl_commands() LOOP
    IF r.schema_name IS NOT NULL AND r.schema_name NOT IN ('membridge', 'public', 'audit') THEN
      RAISE EXCEPTION 'nobody may change schema %', r.schema_name;
    END IF;
    INSERT INTO audit.ddl (event, tag) VALUES (TG_EVENT, r.command_tag || ' ' || r.object_identity);
  END LOOP;
END $$;
CREATE FUNCTION audit.dropped() RETURNS event_trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
  FOR r IN SELECT * FROM pg_event_trigger_dropped_objects() LOOP
    IF r.schema_name IS NOT NULL AND r.schema_name NOT IN ('membridge', 'pg_toast') THEN
      RAISE EXCEPTION 'nobody may drop anything of schema %', r.schema_name;
    END IF;
    INSERT INTO audit.ddl (event, tag) VALUES (TG_EVENT, r.object_identity);
  END LOOP;
END $$;
CREATE EVENT TRIGGER note_start ON ddl_command_start EXECUTE FUNCTION audit.started();
CREATE EVENT TRIGGER note_end ON ddl_command_end EXECUTE FUNCTION audit.ended();
CREATE EVENT TRIGGER note_drop ON sql_drop EXECUTE FUNCTION audit.dropped();
)";

Day DayFromToday(const PgDatabase& db, int days) {
  return ParseDay(db.Value("SELECT ((clock_timestamp() AT TIME ZONE 'UTC')::date + $1::int)::text", {std::to_string(days)}))
      .value();
}

}  // namespace

TEST_CASE("beside a publication, audit triggers and event triggers everything of the bridge goes on", "[worker][pg][T3]") {
  Workshop shop{kBesideTables, kBesideMappings, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  shop.db.RunScript(kOtherPeoples);
  if (&shop.Target() != &shop.db) shop.Target().RunScript(kOtherPeoples);

  // A memory that waits for a row of another; both are deleted in the end.
  const std::string ada = shop.sim.Add("ada", "works", {{"works_at", "acme.test"}}, {}, false);
  shop.Deliver("ADD", ada);
  shop.Work();
  CHECK(shop.Column("SELECT ref FROM people WHERE company_id IS NULL") == Strings{"ada"});
  shop.Deliver("ADD", shop.sim.Add("owner", "founds", {{"founds", "acme.test"}}, {}, false));
  shop.Work();
  CHECK(shop.Column("SELECT ref || domain FROM people JOIN companies c ON c.id = company_id") == Strings{"adaacme.test"});
  shop.sim.Delete(ada, false);
  shop.Deliver("DELETE", ada);
  shop.Work();
  CHECK(shop.Target().Count("people") == 0);
  CHECK(shop.db.Count("membridge.parked") == 0);

  // Days come, are stored in, folded, indexed and dropped.
  auto session = shop.db.Session();
  CHECK_FALSE(sync::EnsurePartitions(session, DayFromToday(shop.db, 20), 2).empty());
  CHECK_FALSE(sync::EnsurePartitions(session, DayFromToday(shop.db, -6), 1).empty());
  sync::PostgresInbox inbox{shop.db.Dsn()};
  const Instant past = SystemClock{}.Now() - std::chrono::hours{24 * 6};
  REQUIRE(inbox.Accept({At(past, DeliveryOf(1, {"m-1"}))}).has_value());
  CHECK(FoldAll(shop.db) == 1);
  CHECK_FALSE(sync::IndexPastDays(session, DayFromToday(shop.db, 0)).empty());
  const auto dropped = sync::DropPartitionsBefore(session, DayFromToday(shop.db, -3));
  CHECK(dropped.size() >= 2);

  // And all of it was seen by those who look.
  for (const char* relation : {"membridge.dirty", "membridge.memories", "membridge.fold"}) {
    CAPTURE(relation);
    CHECK(shop.db.Count(std::string{"audit.log WHERE relation = '"} + relation + "'") > 0);
  }
  CHECK(shop.db.Count("audit.log WHERE relation LIKE 'membridge.deliveries%' AND operation = 'INSERT'") > 0);
  CHECK(shop.Target().Count("audit.log WHERE relation = 'membridge.contributions' AND operation = 'DELETE'") > 0);
  CHECK(shop.db.Count("audit.ddl WHERE event = 'sql_drop' AND tag LIKE 'membridge.deliveries_%'") > 0);
}

TEST_CASE("a day that nobody may make is not made, is told, and comes when it may; deliveries of other days are stored",
          "[worker][pg][T3]") {
  Workshop shop{kBesideTables, kBesideMappings};
  auto session = shop.db.Session();
  shop.Deliver("ADD", shop.sim.Add("owner", "founds", {{"founds", "before.test"}}, {}, false));
  shop.Work();
  shop.db.RunScript(kOtherPeoples);
  shop.db.RunScript(
      "CREATE OR REPLACE FUNCTION audit.started() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
      "RAISE EXCEPTION 'no DDL on weekdays'; END $$");
  CHECK_THROWS_AS(sync::EnsurePartitions(session, DayFromToday(shop.db, 20), 0), sync::postgres::SqlFailure);
  shop.Deliver("ADD", shop.sim.Add("owner", "founds", {{"founds", "acme.test"}}, {}, false));
  shop.Work();
  CHECK(shop.Column("SELECT domain FROM companies ORDER BY id") == Strings{"before.test", "acme.test"});
  shop.db.RunScript("ALTER EVENT TRIGGER note_start DISABLE");
  CHECK(sync::EnsurePartitions(session, DayFromToday(shop.db, 20), 0).size() == 1);
}

}  // namespace membridge::test
