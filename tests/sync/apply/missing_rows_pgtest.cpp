// Rows that one memory needs and only another one makes: whoever comes first, the rows are the same.

#include <algorithm>
#include <future>

#include "sync/apply/missing_rows.hpp"
#include "sync/explain/plan_text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;

/// A person works at a company that somebody else tells of, a note hangs on a person, and a nick is given to people who are
/// there.
constexpr const char* kSchema =
    "CREATE TABLE companies (id bigserial PRIMARY KEY, domain text NOT NULL UNIQUE, name text NOT NULL);"
    "CREATE TABLE people (id bigserial PRIMARY KEY, ref text NOT NULL UNIQUE, name text NOT NULL, nick text,"
    "                     company_id bigint REFERENCES companies);"
    "CREATE TABLE notes (id bigserial PRIMARY KEY, person_id bigint NOT NULL REFERENCES people, body text)";

constexpr const char* kMissingRowsMapping = R"(
rows:
  company:
    table: companies
    key: {domain: $memory.metadata.domain}
    new: {name: $memory.metadata.company}
    gone: delete
  person:
    table: people
    key: {ref: $memory.metadata.person}
    set: {name: $memory.metadata.name, company_id: $company.id, nick: $memory.metadata.nick}
    gone: delete
  named:
    table: people
    create: false
    key: {ref: $memory.metadata.about}
    set: {nick: $memory.metadata.called}
  note:
    table: notes
    when: $memory.metadata.about
    new: {person_id: $named.id}
    set: {body: $memory.text}
    gone: delete
)";

const std::vector<json> kMemories{
    {{"id", "m1"}, {"metadata", {{"domain", "acme.test"}, {"company", "Acme"}}}},
    {{"id", "m2"}, {"metadata", {{"person", "ada"}, {"name", "Ada"}, {"domain", "acme.test"}}}},
    {{"id", "m3"}, {"memory", "likes tea"}, {"metadata", {{"about", "ada"}, {"called", "Countess"}}}},
    {{"id", "m4"}, {"metadata", {{"person", "ada"}, {"nick", "too late"}}}, {"updated_at", "2026-07-01T00:00:00Z"}},
};

constexpr const char* kPicture =
    "SELECT p.ref, p.name, p.nick, c.name AS company, (SELECT array_agg(body) FROM notes n WHERE n.person_id = p.id) AS notes "
    "FROM people p LEFT JOIN companies c ON c.id = p.company_id";

void Clear(Sheet& sheet) {
  sheet.Run(
      "DELETE FROM notes; DELETE FROM people; DELETE FROM companies; DELETE FROM membridge.contributions; DELETE FROM "
      "membridge.rows;"
      "DELETE FROM membridge.sources; DELETE FROM membridge.waiting");
}

/// Another worker: a connection of its own, with one transaction that ends when it is told to.
struct Other {
  explicit Other(Sheet& sheet)
      : applier(sheet.Mapping(), sheet.Catalog()), session(sheet.Database().Session()), transaction(session.Begin()) {}
  sync::Outcome Apply(const sync::Source& source) {
    return applier.Apply(transaction, {source}, ParseRfc3339("2026-09-01T12:00:00Z").value()).front();
  }
  bool Match() {
    const bool all = sync::Waits::Match(transaction);
    transaction.Commit();
    return all;
  }
  sync::Applier applier;
  sync::postgres::Session session;
  sync::postgres::Transaction transaction;
};

const json kLooks{{"id", "looks"}, {"metadata", {{"about", "ada"}, {"called", "Countess"}}}};
const json kMakes{{"id", "makes"}, {"metadata", {{"person", "ada"}, {"name", "Ada"}}}};
const json kElse{{"id", "else"}, {"metadata", {{"about", "grace"}}}};

json MemoryMissingRows(const char* id, const json& metadata, const char* text = "", const char* user = nullptr) {
  json record{{"id", id}, {"memory", text}, {"metadata", metadata}};
  if (user != nullptr) record["user_id"] = user;
  return record;
}

std::int64_t Woken(const Sheet& sheet) {
  return sheet.Database().Count("membridge.waiting WHERE woken AND source = 'looks'");
}

}  // namespace

TEST_CASE("memories that need a row which another one makes end in the same rows in every order", "[apply][pg][waiting]") {
  Sheet sheet{kSchema, kMissingRowsMapping};
  std::vector<std::size_t> order{0, 1, 2, 3};
  const json expected =
      json::parse(R"([{"ref": "ada", "name": "Ada", "nick": "Countess", "company": "Acme", "notes": ["likes tea"]}])");
  do {
    CAPTURE(order);
    Clear(sheet);
    for (const std::size_t memory : order) CHECK(sheet.Say(kMemories[memory]).cause == "");
    CHECK(sheet.Rows(kPicture) == expected);
    CHECK(sheet.Database().Count("membridge.waiting") == 0);

    Clear(sheet);
    std::vector<json> together;
    for (const std::size_t memory : order) together.push_back(kMemories[memory]);
    for (const auto& outcome : sheet.Say(together)) CHECK(outcome.cause == "");
    CHECK(sheet.Rows(kPicture) == expected);
    CHECK(sheet.Database().Count("membridge.waiting") == 0);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("what was there before stands there again when memories go that waited for a row", "[apply][pg][waiting]") {
  Sheet sheet{kSchema, kMissingRowsMapping};
  sheet.Run("INSERT INTO companies (domain, name) VALUES ('acme.test', 'Acme & Sons')");
  std::vector<std::size_t> order{0, 1, 2, 3};
  do {
    CAPTURE(order);
    for (const std::size_t memory : {2U, 1U, 3U, 0U}) CHECK(sheet.Say(kMemories[memory]).cause == "");
    CHECK(sheet.Rows(kPicture).at(0).at("company") == "Acme & Sons");
    // A row stays as long as anybody says something in it: the one that only calls her Countess goes before those that made her.
    std::vector<std::string> going{"m3"};
    for (const std::size_t memory : order) going.push_back(kMemories[memory].at("id"));
    for (const std::string& memory : going) CHECK(sheet.Forget(memory).cause == "");
    CHECK(sheet.Rows("SELECT domain, name FROM companies") == json::parse(R"([{"domain": "acme.test", "name": "Acme & Sons"}])"));
    CHECK(sheet.Database().Count("people") + sheet.Database().Count("notes") == 0);
    CHECK(sheet.Database().Count("membridge.contributions") + sheet.Database().Count("membridge.waiting") == 0);
    sheet.Run("TRUNCATE membridge.sources");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("one that looks in vain and one that makes the row at the same time do not miss one another", "[apply][pg][waiting]") {
  Sheet sheet{kSchema, kMissingRowsMapping};
  sheet.Say(kElse);  // so that the table is known to be looked at by this key
  Other looking{sheet}, making{sheet}, matching{sheet};
  SECTION("the row is made and committed while the other is not done") {
    CHECK(looking.Apply(sheet.SourceOf(kLooks)).waits);
    CHECK(making.Apply(sheet.SourceOf(kMakes)).wakes);
    making.transaction.Commit();
    CHECK_FALSE(matching.Match());  // who looked is not done: told later
    CHECK(sheet.Database().Count("membridge.made") == 1);
    looking.transaction.Commit();
  }
  SECTION("the other looks and commits while the row is being made") {
    CHECK(making.Apply(sheet.SourceOf(kMakes)).wakes);
    CHECK(looking.Apply(sheet.SourceOf(kLooks)).waits);
    looking.transaction.Commit();
    CHECK(matching.Match());
    CHECK(Woken(sheet) == 0);
    making.transaction.Commit();
  }
  CHECK(Other{sheet}.Match());
  CHECK(Woken(sheet) == 1);
  CHECK(sheet.Database().Count("membridge.made") == 0);
}

TEST_CASE("nor do they when nobody ever looked for rows of the table by that key before", "[apply][pg][waiting]") {
  Sheet sheet{kSchema, kMissingRowsMapping};
  Other looking{sheet}, making{sheet};
  const auto someone_waits = [&] { return sheet.Database().Count("pg_locks WHERE NOT granted AND locktype = 'advisory'") == 1; };
  const bool looks_first = GENERATE(true, false);
  Other& first = looks_first ? looking : making;
  Other& second = looks_first ? making : looking;
  first.Apply(sheet.SourceOf(looks_first ? kLooks : kMakes));
  auto then = std::async(std::launch::async, [&, source = sheet.SourceOf(looks_first ? kMakes : kLooks)] {
    const sync::Outcome outcome = second.Apply(source);
    second.transaction.Commit();
    return outcome;
  });
  CHECK(Eventually(someone_waits));
  first.transaction.Commit();
  const sync::Outcome outcome = then.get();
  CHECK(Other{sheet}.Match());
  CHECK(outcome.wakes == looks_first);
  CHECK_FALSE(outcome.waits);
  CHECK(Woken(sheet) == (looks_first ? 1 : 0));
  CHECK(sheet.Database().Count("people WHERE nick = 'Countess'") == (looks_first ? 0 : 1));
}

TEST_CASE("of ten thousand memories that wait, one row wakes the one that looked for it", "[apply][pg][waiting]") {
  Sheet sheet{"CREATE TABLE people (ref text PRIMARY KEY, name text NOT NULL, nick text)",
              "rows:\n"
              "  made: {table: people, key: {ref: $memory.metadata.ref}, new: {name: $memory.metadata.name}}\n"
              "  named: {table: people, create: false, key: {ref: $memory.user_id}, set: {nick: $memory.text}}\n"};
  constexpr int kMany = 10'000, kBatch = 500;
  for (int first = 0; first < kMany; first += kBatch) {
    std::vector<json> records;
    for (int i = first; i < first + kBatch; ++i)
      records.push_back(
          {{"id", "w" + std::to_string(i)}, {"user_id", "user-" + std::to_string(i)}, {"memory", "nick " + std::to_string(i)}});
    sheet.Say(records);
  }
  CHECK(sheet.Database().Count("membridge.waiting") == kMany);
  sheet.Say(MemoryMissingRows("m", {{"ref", "user-5000"}, {"name", "Ada"}}));
  CHECK(sheet.LookedAgain() == 1);
  CHECK(sheet.Rows("SELECT * FROM people") == json::parse(R"([{"ref": "user-5000", "name": "Ada", "nick": "nick 5000"}])"));
  CHECK(sheet.Database().Count("membridge.waiting") == kMany - 1);
}

TEST_CASE("keys wake by what their types call equal", "[apply][pg][waiting]") {
  Sheet sheet{
      "CREATE EXTENSION citext;"
      "CREATE TABLE things (id bigserial PRIMARY KEY, code citext, weight numeric(9,3), born date, tags text[], email text, made "
      "text NOT NULL)",
      "rows:\n"
      "  made:\n"
      "    table: things\n"
      "    key:\n"
      "      - {code: $memory.metadata.new.code, weight: $memory.metadata.new.weight, born: $memory.metadata.new.born, tags: "
      "$memory.metadata.new.tags}\n"
      "      - {lower(email): $memory.metadata.new.email}\n"
      "    new: {made: $memory.id}\n"
      "  seen:\n"
      "    table: things\n"
      "    create: false\n"
      "    key:\n"
      "      - {code: $memory.metadata.old.code, weight: $memory.metadata.old.weight, born: $memory.metadata.old.born, tags: "
      "$memory.metadata.old.tags}\n"
      "      - {lower(email): $memory.metadata.old.email}\n"
      "    set: {email: $memory.metadata.old.fill}\n"};
  const json looking = GENERATE(json::parse(R"({"code": "ABC", "weight": "1.50", "born": "20240501", "tags": ["a", "b"]})"),
                                json::parse(R"({"email": "ADA@x.test"})"));
  const json making = looking.contains("code")
                          ? json::parse(R"({"code": "abc", "weight": 1.5, "born": "2024-05-01", "tags": ["a", "b"]})")
                          : json::parse(R"({"email": "Ada@X.test"})");
  CHECK(sheet.Say(MemoryMissingRows("looks", {{"old", looking}})).waits);
  sheet.Say(MemoryMissingRows("makes", {{"new", making}}));
  CHECK(sheet.LookedAgain() == 1);
  CHECK(sheet.Database().Count("membridge.waiting") == 0);
}

TEST_CASE("a row that is found since the bridge wrote what it is found by wakes who looked for it", "[apply][pg][waiting]") {
  Sheet sheet{"CREATE TABLE people (ref text PRIMARY KEY, email text, nick text); INSERT INTO people VALUES ('ada'), ('grace')",
              "rows:\n"
              "  person: {table: people, key: {ref: $memory.user_id}, set: {email: $memory.metadata.email}}\n"
              "  named: {table: people, create: false, key: {email: $memory.metadata.about}, set: {nick: $memory.text}}\n"};
  sheet.Say(MemoryMissingRows("m1", {{"about", "ada@x.test"}}, "Countess"));
  sheet.Say(MemoryMissingRows("m2", {{"email", "grace@x.test"}}, "", "grace"));
  CHECK(sheet.LookedAgain() == 0);
  sheet.Say(MemoryMissingRows("m3", {{"email", "ada@x.test"}}, "", "ada"));
  CHECK(sheet.LookedAgain() == 1);
  CHECK(sheet.Rows("SELECT ref, nick FROM people WHERE nick IS NOT NULL") ==
        json::parse(R"([{"ref": "ada", "nick": "Countess"}])"));
}

TEST_CASE("a row that comes back from the trash wakes who looked for it meanwhile", "[apply][pg][waiting]") {
  Sheet sheet{"CREATE TABLE people (ref text PRIMARY KEY, nick text, deleted_at timestamptz)",
              "rows:\n"
              "  person: {table: people, key: {ref: $memory.metadata.makes}, live: deleted_at, gone: delete}\n"
              "  named: {table: people, create: false, key: {ref: $memory.metadata.about}, live: deleted_at, set: {nick: "
              "$memory.text}}\n"};
  sheet.Say(MemoryMissingRows("m1", {{"makes", "ada"}}));
  sheet.Forget("m1");
  const auto looked = sheet.Say(std::vector<json>{MemoryMissingRows("m2", {{"about", "ada"}}, "Countess")}, true).front();
  CHECK(looked.waits);
  CHECK(sync::PlanText("memory m2", "sheet.yaml", looked)
            .find("waits: the row is in the trash; the memory is applied again when the bridge makes one") != std::string::npos);
  CHECK(sheet.Database().Count("people WHERE deleted_at IS NULL OR nick IS NOT NULL") == 0);
  sheet.Say(MemoryMissingRows("m3", {{"makes", "ada"}}));
  CHECK(sheet.Rows("SELECT ref, nick, deleted_at FROM people") ==
        json::parse(R"([{"ref": "ada", "nick": "Countess", "deleted_at": null}])"));
}

TEST_CASE("a plan says of a row that is not there that the memory waits for it", "[apply][pg][waiting]") {
  Sheet sheet{kSchema, kMissingRowsMapping};
  const auto about = sync::PlanText("memory m3", "sheet.yaml", sheet.Say(std::vector<json>{kMemories[2]}, true).front());
  CHECK(about.find("waits: there is no such row; the memory is applied again when the bridge makes one") != std::string::npos);
  const auto worker = sync::PlanText("memory m4", "sheet.yaml", sheet.Say(std::vector<json>{kMemories[3]}, true).front());
  CHECK(worker.find("waits: name has no value and cannot be null, so it can only join a row that is there") != std::string::npos);
}

}  // namespace membridge::test
