// A memory that fails, fails alone.

#include <chrono>
#include <optional>
#include <set>
#include <thread>

#include "mappings/memory.hpp"
#include "sync/postgres/remedy.hpp"
#include "sync/postgres/timeouts.hpp"
#include "sync/queue/parked.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

constexpr const char* kTable = "CREATE TABLE people (user_id text PRIMARY KEY, city text)";
const std::map<std::string, std::string> kPerson{
    {"person.yaml", "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.city}}}"}};

/// Users u1 to u`count`, each with a city of their own; `bad` lives in `city`.
std::map<std::string, std::string> Tell(Workshop& shop, int count, const std::string& bad = "", const std::string& city = "",
                                        const std::string& prefix = "u") {
  std::map<std::string, std::string> memories;
  std::vector<Workshop::Telling> tellings;
  for (int i = 1; i <= count; ++i) {
    const std::string user = prefix + std::to_string(i);
    const std::string lives_in = user == bad ? city : "City " + std::to_string(i);
    memories[user] = shop.sim.Add(user, "moved", {{"city", lives_in}}, {}, false);
    tellings.emplace_back("ADD", memories[user]);
  }
  shop.Accept({shop.DeliveryOf(tellings)});
  return memories;
}

std::vector<sync::ParkedMemory> Parked(const Workshop& shop) {
  return InTransaction(shop.db, [](auto& transaction) { return sync::ParkedStore{transaction}.Show({}, 100).value().memories; });
}

std::int64_t Blocked(const Workshop& shop) {
  return shop.db.Count("membridge.dirty WHERE blocked_since IS NOT NULL");
}

/// The clock moves on to when parked memories are tried again.
void LetTimePass(const Workshop& shop) {
  shop.db.RunScript("UPDATE membridge.parked SET next_try_at = statement_timestamp() WHERE next_try_at < 'infinity'");
}

/// Rounds until everything that is left in the queue is `left` memories.
bool WorkUntilLeft(sync::Worker& worker, const Workshop& shop, std::int64_t left) {
  return Eventually([&] {
    static_cast<void>(worker.RunOnce());
    return shop.db.Count("membridge.dirty") == left &&
           shop.db.Count("membridge.dirty WHERE attempts = 0 AND blocked_since IS NULL") == 0;
  });
}

constexpr const char* kRaise =
    "CREATE OR REPLACE FUNCTION raise_odd() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'odd' USING ERRCODE = "
    "'{}'; END $$;";

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
  return text;
}

}  // namespace

TEST_CASE("rows that somebody holds locked hold up their own memories only", "[worker][pg][T1]") {
  Workshop shop{kTable, kPerson, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  shop.options.blocked_cap = 20ms;
  shop.Target().RunScript("INSERT INTO people VALUES ('u1', NULL), ('u2', NULL)");
  auto crm = shop.Target().Session();
  std::optional<sync::postgres::Transaction> open{crm.Begin()};
  open->Run("UPDATE people SET city = 'Rome' WHERE user_id IN ('u1', 'u2')");

  Tell(shop, 32);
  const auto began = std::chrono::steady_clock::now();
  const auto worker = shop.NewWorker();
  REQUIRE(WorkUntilLeft(*worker, shop, 2));
  CHECK(shop.Target().Count("people WHERE user_id NOT IN ('u1', 'u2')") == 30);
  CHECK(std::chrono::steady_clock::now() - began < 20s);  // nobody waited for lock_timeout, let alone for each memory
  CHECK(Blocked(shop) == 2);
  CHECK(Parked(shop).empty());
  CHECK(shop.counters.blocked >= 2);
  CHECK(shop.db.Value("SELECT min(last_error) FROM membridge.dirty").find("55P03") == 0);
  const auto since = shop.db.Value("SELECT min(blocked_since) FROM membridge.dirty");
  static_cast<void>(worker->RunOnce());
  CHECK(shop.db.Value("SELECT min(blocked_since) FROM membridge.dirty") == since);

  open.reset();
  shop.Work();
  CHECK(shop.Column("SELECT city FROM people WHERE user_id IN ('u1', 'u2') ORDER BY user_id") == Strings{"City 1", "City 2"});
  CHECK(Blocked(shop) == 0);
}

TEST_CASE("a table that somebody holds locked is waited for once, and then less", "[worker][pg][T1]") {
  Workshop shop{
      std::string{kTable} + "; CREATE TABLE others (user_id text PRIMARY KEY)",
      {{"person.yaml", kPerson.at("person.yaml")},
       {"other.yaml", "rows: {other: {table: others, when: $memory.metadata.other, key: {user_id: $memory.user_id}}}"}}};
  sync::postgres::UseTimeouts({.lock = 300ms});
  auto crm = shop.Target().Session();
  std::optional<sync::postgres::Transaction> open{crm.Begin()};
  open->Run("LOCK TABLE others IN ACCESS EXCLUSIVE MODE");
  Tell(shop, 8);
  shop.Deliver("ADD", shop.sim.Add("u9", "moved", {{"city", "Rome"}, {"other", true}}, {}, false));
  const auto worker = shop.NewWorker();
  const bool worked = WorkUntilLeft(*worker, shop, 1);
  sync::postgres::UseTimeouts({});
  REQUIRE(worked);
  CHECK(shop.Target().Count("people") == 8);
  CHECK(Blocked(shop) == 1);
  open.reset();
  shop.Work();
  CHECK(shop.Target().Count("people") == 9);
  CHECK(shop.Target().Count("others") == 1);
}

TEST_CASE("of twenty memories the one that a constraint refuses is parked alone, whatever the constraint's form",
          "[worker][pg][T2]") {
  struct Form {
    std::string ddl, sqlstate;
  };
  // Whoever lives in `Taken` is refused by each of these.
  const Form form = GENERATE(
      Form{"ALTER TABLE people ADD CONSTRAINT odd FOREIGN KEY (city) REFERENCES cities DEFERRABLE INITIALLY DEFERRED", "23503"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd FOREIGN KEY (city) REFERENCES cities DEFERRABLE", "23503"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd FOREIGN KEY (city) REFERENCES cities", "23503"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd UNIQUE (city) DEFERRABLE INITIALLY DEFERRED", "23505"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd UNIQUE (city) DEFERRABLE", "23505"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd UNIQUE (city)", "23505"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd EXCLUDE USING btree (city WITH =)", "23P01"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd EXCLUDE USING btree (city WITH =) DEFERRABLE INITIALLY DEFERRED", "23P01"},
      Form{"CREATE UNIQUE INDEX odd ON people (city) WHERE city <> ''", "23505"},
      Form{"CREATE UNIQUE INDEX odd ON people (lower(city))", "23505"},
      Form{"ALTER TABLE people ADD CONSTRAINT odd CHECK (user_id = 'somebody' OR city <> 'Taken')", "23514"},
      Form{"CREATE DOMAIN town AS text CONSTRAINT odd CHECK (VALUE <> 'Taken'); UPDATE people SET city = 'Free'; "
           "ALTER TABLE people ALTER city TYPE town",
           "23514"},
      Form{"CREATE FUNCTION odd() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.city = ''Taken'' THEN RAISE ''odd''; END IF; "
           "RETURN NULL; END'; CREATE CONSTRAINT TRIGGER odd AFTER INSERT ON people DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
           "EXECUTE FUNCTION odd()",
           "P0001"});
  INFO(form.ddl);
  Workshop shop{std::string{kTable} +
                    "; CREATE TABLE cities (city text PRIMARY KEY);"
                    "INSERT INTO cities SELECT 'City ' || i FROM generate_series(1, 20) AS i;" +
                    (form.sqlstate == "23503" ? "" : "INSERT INTO people VALUES ('somebody', 'Taken');") + form.ddl,
                kPerson};
  Tell(shop, 20, "u7", "Taken");
  shop.Work();
  CHECK(shop.Target().Count("people WHERE user_id LIKE 'u%'") == 19);
  const auto parked = Parked(shop);
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].parking.mapping == "person");
  CHECK(parked[0].parking.sqlstate == form.sqlstate);
  CHECK(Blocked(shop) == 0);
}

TEST_CASE("what a trigger swallows is parked, and its batch-mates are applied", "[worker][pg][T4]") {
  const std::string event = GENERATE("INSERT", "UPDATE", "DELETE");
  Workshop shop{
      std::string{kTable} +
          "; CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF "
          "coalesce(NEW.user_id, OLD.user_id) = ''u7'' THEN RETURN NULL; END IF; "
          "RETURN coalesce(NEW, OLD); END'",
      {{"person.yaml",
        "rows: {person: {table: people, gone: delete, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.city}}}"}}};
  const auto swallow = "CREATE TRIGGER swallow BEFORE " + event + " ON people FOR EACH ROW EXECUTE FUNCTION swallow()";
  if (event == "INSERT") shop.Target().RunScript(swallow);
  const auto memories = Tell(shop, 10);
  shop.Work();
  if (event != "INSERT") {
    shop.Target().RunScript(swallow);
    std::vector<Workshop::Telling> tellings;
    for (const auto& [user, memory] : memories) {
      if (event == "DELETE") {
        shop.sim.Delete(memory, false);
      } else {
        shop.sim.Edit(memory, {{"metadata", {{"city", "Rome"}}}}, false);
      }
      tellings.emplace_back(event, memory);
    }
    shop.Accept({shop.DeliveryOf(tellings)});
    shop.Work();
  }
  if (event == "INSERT") CHECK(shop.Target().Count("people") == 9);
  if (event == "UPDATE") CHECK(shop.Target().Count("people WHERE city = 'Rome'") == 9);
  if (event == "DELETE") CHECK(shop.Column("SELECT user_id FROM people") == Strings{"u7"});
  const auto parked = Parked(shop);
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].memory.Text() == memories.at("u7"));
  CHECK(parked[0].parking.cause.find("a trigger swallowed it") != std::string::npos);
  CHECK(parked[0].parking.cause.find(event) != std::string::npos);

  shop.Target().RunScript("DROP TRIGGER swallow ON people");
  LetTimePass(shop);
  shop.Work();
  CHECK(Parked(shop).empty());
  CHECK(shop.Target().Count("people") == (event == "DELETE" ? 0 : 10));
}

TEST_CASE("a memory that ends its backend, or uses up its time, is parked once it did so twice alone", "[worker][pg][T1]") {
  const std::string body = GENERATE("PERFORM pg_terminate_backend(pg_backend_pid());", "PERFORM pg_sleep(60);");
  Workshop shop{std::string{kTable} +
                    "; CREATE FUNCTION harm() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.user_id = 'u7' "
                    "THEN " +
                    body +
                    " END IF; RETURN NEW; END $$;"
                    "CREATE TRIGGER harm BEFORE INSERT ON people FOR EACH ROW EXECUTE FUNCTION harm()",
                kPerson, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  sync::postgres::UseTimeouts({.statement = 1s});
  Tell(shop, 10);
  const auto worker = shop.NewWorker();
  const bool worked = WorkUntilLeft(*worker, shop, 0);
  sync::postgres::UseTimeouts({});
  REQUIRE(worked);
  CHECK(shop.Target().Count("people") == 9);
  const auto parked = Parked(shop);
  REQUIRE(parked.size() == 1);
  CHECK((parked[0].parking.sqlstate == "57P01" || parked[0].parking.sqlstate == "57014"));
  shop.Target().RunScript("DROP TRIGGER harm ON people");
  LetTimePass(shop);
  shop.Work();
  CHECK(shop.Target().Count("people") == 10);
  CHECK(Parked(shop).empty());
}

TEST_CASE("whatever fails at whatever statement, everything else ends as in the run without it", "[worker][pg][law][T2]") {
  // Where it fails: at the target's table, in the ledger, in the mirror, at COMMIT. {user} and {id} are the memory's.
  struct Place {
    std::string table, which;
    bool deferred;
  };
  const Place place = GENERATE(Place{"people", "NEW.user_id = '{user}'", false}, Place{"people", "NEW.user_id = '{user}'", true},
                               Place{"membridge.sources", "NEW.source = '{id}'", false},
                               Place{"membridge.rows", "NEW.identity ->> 'user_id' = '{user}'", false},
                               Place{"membridge.contributions", "NEW.source = '{id}'", false},
                               Place{"membridge.memories", "NEW.user_id = '{user}'", false},
                               Place{"membridge.memories", "NEW.user_id = '{user}'", true});
  Workshop shop{kTable, kPerson, place.table == "people" ? Workshop::Tables::kElsewhere : Workshop::Tables::kWithState};
  shop.options.blocked_cap = 5ms;
  const PgDatabase& where = place.table == "people" ? shop.Target() : shop.db;
  int round = 0;
  for (const std::string sqlstate : {"0A000", "21000", "22001", "22P02", "23503", "23514", "25006", "26000", "28000",
                                     "34000", "38000", "40001", "40P01", "42703", "42501", "42P01", "44000", "53100",
                                     "53200", "53300", "54000", "55000", "55P03", "57014", "58030", "P0001", "XX000"}) {
    INFO(sqlstate << " at " << place.table << (place.deferred ? ", deferred" : ""));
    const std::string prefix = "r" + std::to_string(++round) + "_";
    const std::string mine = "people WHERE user_id LIKE 'r" + std::to_string(round) + "\\_%'";
    const auto memories = Tell(shop, 5, "", "", prefix);
    where.RunScript(Replaced(kRaise, "{}", sqlstate) + "CREATE " + (place.deferred ? "CONSTRAINT" : "") + " TRIGGER odd " +
                    (place.deferred ? "AFTER" : "BEFORE") + " INSERT OR UPDATE ON " + place.table +
                    (place.deferred ? " DEFERRABLE INITIALLY DEFERRED" : "") + " FOR EACH ROW WHEN (" +
                    Replaced(Replaced(place.which, "{id}", memories.at(prefix + "3")), "{user}", prefix + "3") +
                    ") EXECUTE FUNCTION raise_odd()");
    const auto remedy = sync::postgres::RemedyFor(sync::postgres::SqlFailure({.sqlstate = sqlstate, .message = "odd"}));
    const auto worker = shop.NewWorker();
    if (remedy == sync::postgres::Remedy::kStandStill) {
      REQUIRE_FALSE(worker->RunOnce());
      CHECK(Parked(shop).empty());
      CHECK(shop.db.Count("membridge.dirty") == 5);
    } else {
      const bool is_blocked = remedy == sync::postgres::Remedy::kPutBack;
      REQUIRE(WorkUntilLeft(*worker, shop, is_blocked ? 1 : 0));
      CHECK(shop.Target().Count(mine) == 4);
      CHECK(Parked(shop).size() == (is_blocked ? 0 : 1));
      CHECK(Blocked(shop) == (is_blocked ? 1 : 0));
    }
    where.RunScript("DROP TRIGGER odd ON " + place.table);
    LetTimePass(shop);
    shop.Work();
    CHECK(shop.Column("SELECT city FROM " + mine + " ORDER BY user_id") ==
          Strings{"City 1", "City 2", "City 3", "City 4", "City 5"});
    CHECK(Parked(shop).empty());
  }
}

}  // namespace membridge::test
