// Parked memories are tried again by themselves.

#include "sync/queue/parked.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kFirmTables =
    "CREATE TABLE companies (code text PRIMARY KEY);"
    "CREATE TABLE people (user_id text PRIMARY KEY, company_code text REFERENCES companies)";
const std::map<std::string, std::string> kFirmMappings{
    {"companies.yaml",
     "rows: {company: {table: companies, gone: delete, when: $memory.metadata.founds, key: {code: $memory.metadata.founds}}}"},
    {"people.yaml",
     "rows: {person: {table: people, when: $memory.metadata.works_at, key: {user_id: $memory.user_id}, "
     "set: {company_code: $memory.metadata.works_at}}}"}};

std::string Says(Workshop& shop, const std::string& user, const nlohmann::json& metadata) {
  const std::string memory = shop.sim.Add(user, "says", metadata, {}, false);
  shop.Deliver("ADD", memory);
  return memory;
}

void SaysNow(Workshop& shop, const std::string& memory, const nlohmann::json& metadata) {
  shop.sim.Edit(memory, {{"metadata", metadata}}, false);
  shop.Deliver("UPDATE", memory);
}

void Gone(Workshop& shop, const std::string& memory) {
  shop.sim.Delete(memory, false);
  shop.Deliver("DELETE", memory);
}

std::int64_t CountParked(const Workshop& shop) {
  return shop.db.Count("membridge.parked");
}

/// The clock moves on to when parked memories are tried again.
void LetParkedBecomeDue(const Workshop& shop) {
  shop.db.RunScript("UPDATE membridge.parked SET next_try_at = statement_timestamp() WHERE next_try_at < 'infinity'");
}

}  // namespace

TEST_CASE("a memory whose foreign key leads nowhere yet is applied as soon as another mapping makes the row",
          "[worker][pg][T10]") {
  Workshop shop{kFirmTables, kFirmMappings, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  Says(shop, "ada", {{"works_at", "acme"}});
  Says(shop, "grace", {{"works_at", "navy"}});
  shop.Work();
  CHECK(CountParked(shop) == 2);
  CHECK(shop.db.Value("SELECT depends_on::text FROM membridge.parked LIMIT 1") == "{public.companies,public.people}");
  Says(shop, "boss", {{"founds", "acme"}});
  shop.Work();
  CHECK(shop.Column("SELECT user_id || ' ' || company_code FROM people") == Strings{"ada acme"});
  CHECK(CountParked(shop) == 1);
}

TEST_CASE("a memory whose foreign key leads to a row of the application's is applied once that is there", "[worker][pg][T10]") {
  Workshop shop{kFirmTables, kFirmMappings};
  Says(shop, "ada", {{"works_at", "acme"}});
  shop.Work();
  REQUIRE(CountParked(shop) == 1);
  shop.Target().RunScript("INSERT INTO companies VALUES ('acme')");
  LetParkedBecomeDue(shop);
  shop.Work();
  CHECK(shop.Column("SELECT company_code FROM people") == Strings{"acme"});
  CHECK(CountParked(shop) == 0);
}

TEST_CASE("what is parked waits a minute, then twice as long each time, and a day at most", "[worker][pg][T10]") {
  Workshop shop{"CREATE TABLE people (user_id text PRIMARY KEY, nick text CHECK (nick <> 'Countess'))",
                {{"people.yaml", "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {nick: $memory.text}}}"}}};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  shop.Work();
  const char* wait =
      "SELECT round(extract(epoch FROM next_try_at - tried_at) / 60)::text || ' ' || attempts FROM membridge.parked";
  CHECK(shop.db.Value(wait) == "1 1");
  LetParkedBecomeDue(shop);
  shop.Work();
  CHECK(shop.db.Value("SELECT attempts FROM membridge.parked") == "2");
  CHECK(shop.db.Value("SELECT next_try_at - tried_at BETWEEN interval '100 s' AND interval '140 s' FROM membridge.parked") ==
        "t");
  shop.db.RunScript("UPDATE membridge.parked SET attempts = 40");
  LetParkedBecomeDue(shop);
  shop.Work();
  CHECK(shop.db.Value("SELECT next_try_at - tried_at BETWEEN interval '21 h' AND interval '27 h' FROM membridge.parked") == "t");
  CHECK(shop.sim.Calls("memories.get") + shop.sim.Calls("memories.list") <= 2);  // the mirror is enough
}

TEST_CASE("other mappings try what was parked under those before", "[worker][pg][T10]") {
  const std::string rows = "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {nick: $memory.text}}}";
  Workshop shop{"CREATE TABLE people (user_id text PRIMARY KEY, nick varchar(4))", {{"people.yaml", rows}}};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  shop.Work();
  REQUIRE(CountParked(shop) == 1);
  shop.Remap({{"people.yaml",
               "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {nick: $memory.text | truncate}}}"}});
  shop.Work();
  CHECK(shop.Column("SELECT nick FROM people") == Strings{"Coun"});
  CHECK(CountParked(shop) == 0);
}

TEST_CASE("a unique value that moves from one row to another arrives, whoever is told of first", "[worker][pg][T10]") {
  Workshop shop{"CREATE TABLE people (user_id text PRIMARY KEY, phone text UNIQUE)",
                {{"people.yaml",
                  "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {phone: $memory.metadata.phone}}}"}}};
  const std::string ada = Says(shop, "ada", {{"phone", "555"}});
  const std::string grace = Says(shop, "grace", {{"phone", "777"}});
  shop.Work();
  SaysNow(shop, grace, {{"phone", "555"}});
  shop.Work();
  CHECK(CountParked(shop) == 1);
  SaysNow(shop, ada, {{"phone", "999"}});
  shop.Work();
  CHECK(shop.Column("SELECT user_id || ' ' || phone FROM people ORDER BY 1") == Strings{"ada 999", "grace 555"});
  CHECK(CountParked(shop) == 0);
}

TEST_CASE("a row that the application refers to is removed once it lets go", "[worker][pg][T18]") {
  Workshop shop{std::string{kFirmTables} + "; CREATE TABLE invoices (company text REFERENCES companies)", kFirmMappings};
  const std::string acme = Says(shop, "boss", {{"founds", "acme"}});
  shop.Work();
  shop.Target().RunScript("INSERT INTO invoices VALUES ('acme')");
  Gone(shop, acme);
  shop.Work();
  CHECK(shop.Target().Count("companies") == 1);
  REQUIRE(CountParked(shop) == 1);
  CHECK(shop.db.Value("SELECT sqlstate FROM membridge.parked") == "23503");
  LetParkedBecomeDue(shop);
  shop.Work();  // still held
  CHECK(CountParked(shop) == 1);

  shop.Target().RunScript("DELETE FROM invoices");
  if (GENERATE(true, false)) {
    LetParkedBecomeDue(shop);
  } else {
    auto session = shop.db.Session();
    sync::RetryParked(session, {});
  }
  shop.Work();
  CHECK(shop.Target().Count("companies") == 0);
  CHECK(CountParked(shop) == 0);
  CHECK(shop.Target().Count("membridge.contributions") == 0);
}

TEST_CASE("a fallback that cannot be written is passed over, and its own memory is parked for it", "[worker][pg][T20]") {
  struct Form {
    std::string ddl, sqlstate;
  };
  const Form form = GENERATE(
      Form{"ALTER TABLE people ADD CONSTRAINT odd CHECK (length(username) >= 3)", "23514"},
      Form{"ALTER TABLE people ALTER username TYPE varchar(4) USING left(username, 4)", "22001"},
      Form{"CREATE TABLE names AS SELECT 'olga'::text AS name UNION SELECT 'nobody'; ALTER TABLE names ADD PRIMARY KEY (name);"
           "ALTER TABLE people ADD CONSTRAINT odd FOREIGN KEY (username) REFERENCES names",
           "23503"},
      Form{"CREATE DOMAIN nickname AS text CONSTRAINT odd CHECK (VALUE <> 'ol' AND VALUE <> 'oldest'); "
           "ALTER TABLE people ALTER username TYPE nickname",
           "23514"},
      Form{"INSERT INTO people VALUES ('else', 'ol'), ('other', 'oldest'); CREATE UNIQUE INDEX odd ON people (username)",
           "23505"});
  INFO(form.ddl);
  Workshop shop{"CREATE TABLE people (user_id text PRIMARY KEY, username text, city text)",
                {{"people.yaml",
                  "rows: {person: {table: people, key: {user_id: $memory.user_id}, "
                  "set: {username: $memory.metadata.username, city: $memory.metadata.city}}}"}}};
  shop.Target().RunScript("INSERT INTO people VALUES ('olga', NULL, NULL)");
  const bool is_length = form.sqlstate == "22001";
  const std::string older = Says(shop, "olga", {{"username", is_length ? "oldest" : "ol"}});
  shop.Work();
  const std::string newer = Says(shop, "olga", {{"username", "olga"}, {"city", "Rome"}});
  shop.Work();
  CHECK(shop.Column("SELECT username FROM people WHERE user_id = 'olga'") == Strings{"olga"});
  shop.Target().RunScript(form.ddl);
  shop.Remap({{"people.yaml",
               "rows: {person: {table: people, key: {user_id: $memory.user_id}, "
               "set: {username: $memory.metadata.username, city: $memory.metadata.city}}}"}});
  Gone(shop, newer);
  shop.Work();
  CHECK(shop.Column("SELECT coalesce(username, 'none') || ' ' || coalesce(city, 'none') FROM people WHERE user_id = 'olga'") ==
        Strings{"none none"});
  CHECK(shop.db.Value("SELECT string_agg(memory_id, ' ') FROM membridge.parked") == older);
  CHECK(shop.db.Value("SELECT sqlstate FROM membridge.parked") == form.sqlstate);
  CHECK(shop.db.Count("membridge.memories WHERE gone_at IS NOT NULL") == 1);
  CHECK(shop.Target().Count("membridge.contributions") == 0);
}

}  // namespace membridge::test
