#include "sync/erase/erasure.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::ErasureCounts;

/// People of a CRM and what the bridge's state knows of their memories.
struct Register {
  Register(const std::string& tables, const std::string& mapping) : sheet(tables, mapping) {}

  void Say(const char* id, const char* user, json metadata, const char* updated_at = "2026-08-01T00:00:00Z") {
    const json record{
        {"id", id}, {"user_id", user}, {"memory", "x"}, {"metadata", std::move(metadata)}, {"updated_at", updated_at}};
    CHECK(sheet.Say(record).cause == "");
    sheet.Database().Run(
        "INSERT INTO membridge.memories (bucket, project, memory_id, record, user_id, read_at) "
        "VALUES (0, 'crm', $1, $2::jsonb, $3, now()) ON CONFLICT DO NOTHING",
        {id, record.dump(), user});
  }
  ErasureCounts Erase(const std::string& user) {
    sync::Erasure erasure{
        sheet.Database().Dsn(), {{"default", sheet.Database().Dsn(), {sheet.Mapping()}}}, ProjectId{"crm"}, user};
    auto receipt = erasure.Run(SystemClock{}.Now());
    REQUIRE(receipt);
    return receipt->erased;
  }

  Sheet sheet;
};

std::int64_t LeftIn(const ErasureCounts& counts) {
  std::int64_t left = 0;
  for (const char* name : {"rows_left", "cells_left", "versions_left", "withdrawals_refused"}) {
    const auto found = counts.find(name);
    if (found != counts.end()) left += found->second;
  }
  return left;
}

constexpr const char* kByEmail = R"yaml(
from: memory
rows:
  person: {table: people, key: {email: $memory.metadata.email}, set: {city: $memory.metadata.city}}
)yaml";
constexpr const char* kByUser = R"yaml(
from: memory
rows:
  person: {table: people, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.city}}
)yaml";

}  // namespace

TEST_CASE("a row that is known by an address alone goes with the person who gave it", "[erase][pg][T19]") {
  const bool is_deleted = GENERATE(true, false);
  Register people{"CREATE TABLE people (id serial PRIMARY KEY, email text UNIQUE, city text)", kByEmail};
  people.Say("m1", "ada", {{"email", "ada@example.test"}, {"city", "Paris"}});
  people.Say("m2", "bob", {{"email", "bob@example.test"}, {"city", "Oslo"}});
  if (is_deleted)
    people.sheet.Forget("m1");
  else
    people.Say("m1", "ada", {{"email", "countess@example.test"}, {"city", "Paris"}}, "2026-08-02T00:00:00Z");
  CHECK(people.sheet.Database().Count("people WHERE email = 'ada@example.test'") == 1);
  CHECK(LeftIn(people.Erase("ada")) == 0);
  CHECK(people.sheet.Rows("SELECT email FROM people") == json::parse(R"([{"email": "bob@example.test"}])"));
}

TEST_CASE("a key that the bridge filled in is taken back from a person's row", "[erase][pg][T19]") {
  Register people{
      "CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, email text UNIQUE, city text);"
      "INSERT INTO people (email) VALUES ('ada@example.test')",
      R"yaml(
from: memory
rows:
  person:
    table: people
    key: [{user_id: $memory.user_id}, {email: $memory.metadata.email}]
    set: {city: $memory.metadata.city}
)yaml"};
  people.Say("m1", "ada", {{"email", "ada@example.test"}, {"city", "Paris"}});
  CHECK(people.sheet.Database().Value("SELECT user_id FROM people") == "ada");
  CHECK(LeftIn(people.Erase("ada")) == 0);
  CHECK(people.sheet.Rows("SELECT user_id, email, city FROM people") ==
        json::parse(R"([{"user_id": null, "email": "ada@example.test", "city": null}])"));
}

TEST_CASE("a row that began anew under the same number is not an erased person's", "[erase][pg][T9]") {
  Register people{"CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text)", kByUser};
  people.Say("m1", "ada", {{"city", "Paris"}});
  people.sheet.Run("TRUNCATE people RESTART IDENTITY; INSERT INTO people (user_id, city) VALUES ('bob', 'Rome')");
  CHECK(LeftIn(people.Erase("ada")) == 0);
  CHECK(people.sheet.Rows("SELECT user_id, city FROM people") == json::parse(R"([{"user_id": "bob", "city": "Rome"}])"));
}

TEST_CASE("what was said in a row that is another's now is counted as left until it goes", "[erase][pg][T9]") {
  Register people{"CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text)", kByUser};
  people.Say("m1", "ada", {{"city", "Paris"}});
  people.sheet.Run("UPDATE people SET user_id = 'bob'");
  people.sheet.Forget("m1");
  CHECK(people.sheet.Rows("SELECT user_id, city FROM people") == json::parse(R"([{"user_id": "bob", "city": "Paris"}])"));
  CHECK(people.Erase("ada").at("cells_left") == 1);
  CHECK(people.Erase("ada").at("cells_left") == 1);
  people.sheet.Run("UPDATE people SET city = 'Rome'");
  CHECK(LeftIn(people.Erase("ada")) == 0);
}

TEST_CASE("an erasure follows renamed columns and tables", "[erase][pg][T7]") {
  const auto* const ddl =
      GENERATE("ALTER TABLE people RENAME COLUMN city TO town", "ALTER TABLE people RENAME TO persons",
               "CREATE SCHEMA crm; ALTER TABLE people SET SCHEMA crm", "ALTER TABLE people ALTER COLUMN city TYPE varchar(90)");
  INFO(ddl);
  Register people{
      "CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text);"
      "INSERT INTO people (user_id) VALUES ('cleo')",
      kByUser};
  people.Say("m1", "ada", {{"city", "Paris"}});
  people.Say("m2", "cleo", {{"city", "Paris"}});
  people.sheet.Run(ddl);
  CHECK(LeftIn(people.Erase("ada")) == 0);
  CHECK(LeftIn(people.Erase("cleo")) == 0);
  const std::string table = people.sheet.Database().Value(
      "SELECT n.nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace WHERE relname IN "
      "('people', 'persons')");
  CHECK(people.sheet.Database().Count(table + " t WHERE t::text LIKE '%Paris%'") == 0);
  CHECK(people.sheet.Database().Count(table) == 1);
}

TEST_CASE("a text that no type reads any more, and one that may not be emptied, are left and told", "[erase][pg][T8]") {
  Register people{
      "CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text, note text NOT NULL DEFAULT 'none');"
      "INSERT INTO people (user_id) VALUES ('ada')",
      R"yaml(
from: memory
rows:
  person: {table: people, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.city}}
)yaml"};
  people.Say("m1", "ada", {{"city", "Paris"}});
  people.sheet.Run("ALTER TABLE people ALTER COLUMN city TYPE integer USING length(city)");
  CHECK(people.Erase("ada").at("cells_left") == 1);
  CHECK(people.Erase("ada").at("cells_left") == 1);
  people.sheet.Run("DELETE FROM people");
  CHECK(LeftIn(people.Erase("ada")) == 0);
}

TEST_CASE("an erasure that was refused says so until it is done", "[erase][pg][T21]") {
  Register people{R"sql(
    CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text);
    CREATE TABLE towns (name text PRIMARY KEY, lore text);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'kept'; END$$;
  )sql",
                  R"yaml(
from: memory
rows:
  town: {table: towns, key: {name: $memory.metadata.town}, set: {lore: $memory.metadata.lore}}
)yaml"};
  people.Say("m1", "bob", {{"town", "Ockham"}, {"lore", "quiet"}});
  people.Say("m2", "ada", {{"town", "Ockham"}, {"lore", "Ada lives here"}}, "2026-08-02T00:00:00Z");
  people.sheet.Run("CREATE TRIGGER keep BEFORE UPDATE OR DELETE ON towns FOR EACH ROW EXECUTE FUNCTION keep()");
  CHECK(LeftIn(people.Erase("ada")) > 0);
  CHECK(LeftIn(people.Erase("ada")) > 0);
  people.sheet.Run("DROP TRIGGER keep ON towns");
  CHECK(LeftIn(people.Erase("ada")) == 0);
  CHECK(people.sheet.Rows("SELECT lore FROM towns") == json::parse(R"([{"lore": "quiet"}])"));
}

}  // namespace membridge::test
