// Tables that are not quite as Mem0 makes them, servers that are not primaries, and values of every type.
#include <fmt/format.h>

#include "sync/source/log_install.hpp"
#include "sync/source/payload.hpp"
#include "sync/source/source_erasure.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/source/selfhosted.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::source::LookAtSource;
using sync::source::TableName;
using sync::source::TableRecords;
using Mode = sync::source::SourceStanding::Mode;

constexpr const char* kColumns = "(id uuid PRIMARY KEY, vector text, payload jsonb)";

sync::source::TableOptions TableAt(const PgDatabase& db, TableName table) {
  sync::source::TableOptions options;
  options.dsn = db.Dsn();
  options.table = std::move(table);
  return options;
}

/// The record, or as a text why the row is none.
json RecordOf(const json& payload) {
  const auto memory = sync::source::MemoryFromRow("00000000-0000-4000-8000-000000000001", payload.dump());
  return memory ? memory->record : json(memory.error().message);
}

std::string Obstacle(const PgDatabase& db, const char* table) {
  auto session = db.Session();
  const TableName name{"public", table};
  const auto look = LookAtSource(session, name);
  CHECK_FALSE(look.IsLive());
  const auto installed = sync::source::InstallLog(session, name);
  CHECK_FALSE(installed);
  if (!installed) CHECK(installed.error().code == ErrorCode::kRefused);
  return look.obstacle;
}

}  // namespace

TEST_CASE("names of every kind are quoted where they stand", "[source][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  const auto parsed = TableName::Parse(R"("My ""App"".x"."it's $1 {mem}")");
  REQUIRE(parsed);
  db.RunScript("CREATE SCHEMA " + sync::postgres::QuoteName(parsed->schema));
  db.RunScript("CREATE TABLE " + parsed->Quoted() + kColumns);
  auto session = db.Session();
  REQUIRE(sync::source::InstallLog(session, *parsed));
  REQUIRE(sync::source::InstallLog(session, *parsed));
  CHECK(LookAtSource(session, *parsed).IsLive());
  // Also for an application that looks names up elsewhere, and has operators and functions of its own there.
  db.RunScript(fmt::format(R"(
      CREATE SCHEMA evil;
      CREATE FUNCTION evil.never(jsonb, jsonb) RETURNS boolean LANGUAGE sql AS 'SELECT 1 / 0 = 1';
      CREATE OPERATOR evil.= (LEFTARG = jsonb, RIGHTARG = jsonb, FUNCTION = evil.never);
      SET search_path = evil, pg_catalog;
      INSERT INTO {0} VALUES ('00000000-0000-4000-8000-000000000001', '', '{{}}');
      UPDATE {0} SET payload = '{{"data": "x"}}';
      SET search_path = public)",
                           parsed->Quoted()));
  CHECK(db.Count("membridge_source.log") == 2);
  CHECK(db.Value("SELECT is_called FROM membridge_source.lost") == "f");
  TableRecords records{TableAt(db, *parsed)};
  CHECK(records.ReadPage({})->memories.size() == 1);
  CHECK(sync::source::RemoveLog(session, *parsed));
  CHECK(db.Count("pg_trigger WHERE tgname LIKE 'membridge%'") == 0);
  CHECK(db.Count("pg_namespace WHERE nspname = 'membridge_source'") == 0);
}

TEST_CASE("a table of nearly that name is told, and one without a payload that can be read", "[source][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  db.RunScript("CREATE SCHEMA app; CREATE TABLE app.memories (id uuid PRIMARY KEY, payload json)");
  auto session = db.Session();
  const TableName missing{"public", "Memories"};
  const auto error = Unreadable(LookAtSource(session, missing), missing);
  REQUIRE(error);
  CHECK(error->hint.find("app.memories") != std::string::npos);
  const TableName text{"app", "memories"};
  CHECK(Unreadable(LookAtSource(session, text), text)->message.find("jsonb column payload") != std::string::npos);
}

TEST_CASE("where triggers would not see every change no log is installed, and the reason is told", "[source][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  db.RunScript(std::string{"CREATE TABLE plain "} + kColumns +
               "; CREATE VIEW seen AS SELECT * FROM plain; CREATE MATERIALIZED VIEW kept AS SELECT * FROM plain;"
               "CREATE TABLE parts (id uuid, vector text, payload jsonb) PARTITION BY HASH (id);"
               "CREATE TABLE part PARTITION OF parts FOR VALUES WITH (MODULUS 1, REMAINDER 0);"
               "CREATE TABLE parent (id uuid, vector text, payload jsonb); CREATE TABLE heir () INHERITS (parent);"
               "INSERT INTO plain VALUES (gen_random_uuid(), '', '{\"data\": \"x\"}');"
               "INSERT INTO part VALUES (gen_random_uuid(), '', '{\"data\": \"x\"}')");
  CHECK(Obstacle(db, "seen").find("it is a view") == 0);
  CHECK(Obstacle(db, "kept").find("it is a view") == 0);
  for (const char* table : {"parts", "part", "parent", "heir"}) CHECK(Obstacle(db, table).find("it has partitions") == 0);
  CHECK(db.Count("pg_namespace WHERE nspname = 'membridge_source'") == 0);
  // They are read all the same.
  for (const char* table : {"seen", "parts"}) {
    TableRecords records{TableAt(db, {"public", table})};
    CHECK(records.ReadPage({})->memories.size() == 1);
  }
}

TEST_CASE("a standby notes nothing: it is polled, and never trimmed", "[source][pg]") {
  const Cluster primary;
  const PgDatabase db{primary, PgDatabase::Content::kBare};
  db.RunScript(std::string{"CREATE TABLE memories "} + kColumns);
  auto session = db.Session();
  REQUIRE(sync::source::InstallLog(session, {"public", "memories"}));
  const Cluster standby{Cluster::StandbyOf{primary}};
  const PgDatabase state;
  sync::source::Feeder feeder{{.project = kCrm,
                               .dsn = standby.Dsn(db.Value("SELECT current_database()")),
                               .table = {"public", "memories"},
                               .state_dsn = state.Dsn(),
                               .look_every = {},
                               .trim_every = {}}};
  feeder.Step();
  feeder.Step();
  CHECK(feeder.Standing().mode == Mode::kPolling);
  CHECK(feeder.Standing().error.message.empty());
}

TEST_CASE("a source that is down at the start is away, and its log is taken once it is there", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  auto options = mem0.Options();
  sync::source::Feeder feeder{{.project = kCrm,
                               .dsn = "host=/nowhere dbname=none",
                               .table = options.table,
                               .state_dsn = mem0.db.Dsn(),
                               .look_every = {},
                               .trim_every = {}}};
  CHECK(feeder.Step() == 0);
  CHECK(feeder.Standing().mode == Mode::kAway);
  CHECK(feeder.Step() == 0);
  mem0.FeedAndWork();
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  CHECK(mem0.FeedAndWork() == 1);
}

TEST_CASE("triggers that were off for a while are told, and installing again compares everything", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  mem0.FeedAndWork();
  SECTION("all of the table's, as a restore of data alone does") {
    mem0.source.RunScript("ALTER TABLE memories DISABLE TRIGGER ALL");
    mem0.Payload(SelfHosted::Id(1), "ada", "changed in silence");
    mem0.source.RunScript("ALTER TABLE memories ENABLE TRIGGER ALL");
  }
  SECTION("one was dropped") {
    mem0.source.RunScript("DROP TRIGGER membridge_source_update ON memories");
    mem0.Payload(SelfHosted::Id(1), "ada", "changed in silence");
  }
  const auto feeder = mem0.NewFeeder();
  feeder->Step();
  CHECK(feeder->Standing().mode == Mode::kPolling);
  CHECK(feeder->Standing().broken);
  mem0.Install();
  feeder->Step();
  CHECK(feeder->Standing().mode == Mode::kLive);
  REQUIRE(feeder->Standing().wanted);
  mem0.Sweep(sync::BackfillKind::kFullSweep);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("what a replica's role writes is noted", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  mem0.source.RunScript("SET session_replication_role = replica");
  mem0.Insert(SelfHosted::Id(1), "ada", "restored");
  mem0.source.RunScript("SET session_replication_role = origin");
  CHECK(mem0.FeedAndWork() == 1);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("a table that is renamed keeps its log, and loses it under its new name", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  mem0.source.RunScript("ALTER TABLE memories RENAME TO old_memories");
  const auto feeder = mem0.NewFeeder();
  feeder->Step();
  CHECK(feeder->Standing().mode == Mode::kAway);
  auto session = mem0.source.Session();
  const TableName renamed{"public", "old_memories"};
  CHECK(LookAtSource(session, renamed).IsLive());
  CHECK(sync::source::InstallLog(session, renamed));
  CHECK(LookAtSource(session, renamed).IsLive());
  mem0.source.RunScript("ALTER TABLE old_memories RENAME TO older");
  CHECK(sync::source::RemoveLog(session, {"public", "older"}));
  CHECK(mem0.source.Count("pg_namespace WHERE nspname = 'membridge_source'") == 0);
}

TEST_CASE("two projects follow one table", "[source][pg]") {
  SelfHosted mem0;
  mem0.Install();
  mem0.FeedAndWork();
  const ProjectId second{"shop"};
  sync::source::Feeder other{{.project = second,
                              .dsn = mem0.source.Dsn(),
                              .table = mem0.Options().table,
                              .state_dsn = mem0.db.Dsn(),
                              .look_every = {},
                              .trim_every = {}}};
  other.Step();
  mem0.Insert(SelfHosted::Id(1), "ada", "one");
  mem0.FeedAndWork();
  mem0.FeedAndWork();
  CHECK(mem0.source.Count("membridge_source.log") == 1);  // the other has not taken it
  CHECK(other.Step() == 1);
  CHECK(mem0.db.Count("membridge.dirty WHERE project = 'shop'") == 1);
  CHECK(mem0.Rows() == mem0.Expected());
}

TEST_CASE("ids of other types, none at all, no payload and a large one", "[source][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  const char* type = GENERATE("text", "bigint", "varchar(40)");
  CAPTURE(type);
  db.RunScript(fmt::format("CREATE TABLE memories (id {} UNIQUE, vector text, payload jsonb)", type));
  auto session = db.Session();
  const TableName table{"public", "memories"};
  REQUIRE(sync::source::InstallLog(session, table));
  db.RunScript(R"(
      INSERT INTO memories VALUES ('10', '', '{"data": "ten"}'), ('9', '', '{"data": "nine"}'), (NULL, '', '{}'), ('8', '', NULL);
      UPDATE memories SET payload = payload || '{"more": 1}';
      UPDATE memories SET payload = jsonb_build_object('data', repeat('x', 2000000)) WHERE id = '9';
      DELETE FROM memories WHERE id IS NULL)");
  CHECK(db.Value("SELECT is_called FROM membridge_source.lost") == "f");
  CHECK(db.Count("membridge_source.log WHERE kind IN ('i', 'u')") == 6);
  db.Run("INSERT INTO memories SELECT NULL, '', '{}' FROM generate_series(1, 3000)");
  TableRecords records{TableAt(db, table)};
  sync::mem0::PageRequest request;
  const auto page = records.ReadPage(request);
  REQUIRE(page);
  CHECK(page->last);
  CHECK(page->memories.size() == 2);
  CHECK(page->unreadable.size() == 1);
  const auto large = records.ReadOne(MemoryId{"9"});
  REQUIRE(large);
  CHECK(large->record["text"].get<std::string>().size() == 2'000'000);
  CHECK(records.ReadOne(MemoryId{"11"}).error().code == ErrorCode::kNotFound);
}

TEST_CASE("days and numbers are times, and what is no time is refused", "[source][pg]") {
  const auto created = [](const json& value) { return RecordOf({{"data", "x"}, {"created_at", value}})["created_at"]; };
  CHECK(created("2026-08-01T10:00:00.5+02:00") == "2026-08-01T10:00:00.5+02:00");
  CHECK(created("2026-08-01T10:00:00") == "2026-08-01T10:00:00");  // of UTC
  CHECK(created("2026-08-01 10:00:00.123") == "2026-08-01 10:00:00.123");
  CHECK(created("2026-08-01") == "2026-08-01T00:00:00.000000Z");
  CHECK(created(1785578400) == "2026-08-01T10:00:00.000000Z");
  CHECK(created(1785578400.25) == "2026-08-01T10:00:00.250000Z");
  CHECK(created(1785578400000) == "2026-08-01T10:00:00.000000Z");
  CHECK(created(nullptr) == "1970-01-01T00:00:00.000000Z");
  for (const json& odd : {json("yesterday"), json(""), json(-5), json(1e300), json::array(), json(true)}) {
    CAPTURE(odd.dump());
    CHECK(RecordOf({{"data", "x"}, {"created_at", odd}}).is_string());  // refused, and not quoted
  }
}

TEST_CASE("a user's memories are deleted at the source by whoever may, and else the SQL is told", "[source][erase][pg]") {
  SelfHosted mem0;
  mem0.Insert(SelfHosted::Id(1), "ada's", "one");
  mem0.Insert(SelfHosted::Id(2), "bob", "two");
  mem0.source.RunScript(R"(
      INSERT INTO memories VALUES (gen_random_uuid(), '', '{"data": "three", "userId": "ada''s"}');
      CREATE ROLE source_eraser LOGIN; GRANT SELECT ON memories TO source_eraser)");
  const auto table = mem0.Options().table;
  const std::string guest = mem0.source.Dsn() + " user=source_eraser";
  const auto refused = sync::source::DeleteUserAtSource(guest, table, "ada's");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(refused.error().hint.find(sync::source::DeleteUserSql(table, "ada's")) != std::string::npos);
  mem0.source.RunScript("GRANT DELETE ON memories TO source_eraser");
  CHECK(sync::source::DeleteUserAtSource(guest, table, "ada's") == 2);
  CHECK(sync::source::DeleteUserAtSource(guest, table, "ada's") == 0);
  CHECK(mem0.source.Count("memories") == 1);
  mem0.source.RunScript(sync::source::DeleteUserSql(table, "bob"));
  CHECK(mem0.source.Count("memories") == 0);
  mem0.source.RunScript("DROP OWNED BY source_eraser; DROP ROLE source_eraser");
}

}  // namespace membridge::test
