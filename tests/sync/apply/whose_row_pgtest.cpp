#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::Outcome;

constexpr const char* kPeople = R"sql(
  CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text, note text, source text);
)sql";

constexpr const char* kPeopleMapping = R"yaml(
from: memory
rows:
  person:
    table: people
    key: {user_id: $memory.user_id}
    new: {source: mem0}
    set: {city: $memory.metadata.city}
    gone: delete
)yaml";

json Said(const char* id, const char* user, const char* city, const char* updated_at = "2026-08-01T00:00:00Z") {
  return {{"id", id}, {"user_id", user}, {"memory", "x"}, {"metadata", {{"city", city}}}, {"updated_at", updated_at}};
}

json PeopleIn(const Sheet& sheet) {
  return sheet.Rows("SELECT id, user_id, city, note FROM people ORDER BY id");
}

}  // namespace

TEST_CASE("a person's row under a number that began anew is not deleted", "[rows][pg][T9]") {
  Sheet sheet{kPeople, kPeopleMapping};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Run("TRUNCATE people RESTART IDENTITY; INSERT INTO people (user_id, city, source) VALUES ('bob', 'Rome', 'mem0')");
  const json before = PeopleIn(sheet);
  CHECK(sheet.Forget("m1").cause == "");
  CHECK(PeopleIn(sheet) == before);
  CHECK(sheet.Database().Count("membridge.contributions") == 0);
  // Bob's own memory meets a person's row.
  sheet.Say(Said("m2", "bob", "Oslo"));
  CHECK(PeopleIn(sheet) == before);
  sheet.Forget("m2");
  CHECK(PeopleIn(sheet) == before);
}

TEST_CASE("a person's row under a number that began anew is not written", "[rows][pg][T9]") {
  Sheet sheet{kPeople, kPeopleMapping};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Run("TRUNCATE people RESTART IDENTITY; INSERT INTO people (user_id) VALUES ('bob')");
  CHECK(sheet.Say(Said("m1", "ada", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(sheet.Rows("SELECT id, user_id, city FROM people ORDER BY id") ==
        json::parse(R"([{"id": 1, "user_id": "bob", "city": null}, {"id": 2, "user_id": "ada", "city": "Rome"}])"));
}

TEST_CASE("everybody who spoke for a row that is gone is heard again when it is made anew", "[rows][pg][T9]") {
  Sheet sheet{std::string{kPeople} + "ALTER TABLE people ADD COLUMN team text;", R"yaml(
from: memory
rows:
  person:
    table: people
    key: {user_id: $memory.user_id}
    set: {city: $memory.metadata.city, team: $memory.metadata.team}
)yaml"};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Say(json{{"id", "m2"}, {"user_id", "ada"}, {"metadata", {{"team", "blue"}}}});
  sheet.Run("TRUNCATE people RESTART IDENTITY; INSERT INTO people (user_id) VALUES ('bob')");
  sheet.Say(Said("m1", "ada", "Rome", "2026-08-02T00:00:00Z"));
  CHECK(sheet.Rows("SELECT user_id, city, team FROM people ORDER BY id") ==
        json::parse(R"([{"user_id": "bob", "city": null, "team": null}, {"user_id": "ada", "city": "Rome", "team": "blue"}])"));
}

TEST_CASE("what the bridge itself inserts under a number that began anew is not mistaken for the row before", "[rows][pg][T9]") {
  Sheet sheet{kPeople, kPeopleMapping};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Say(Said("m2", "bob", "Oslo"));
  sheet.Run("TRUNCATE people RESTART IDENTITY");
  sheet.Say(Said("m2", "bob", "Bergen", "2026-08-02T00:00:00Z"));
  // Ada's memory has lost its row, is heard again and gets another.
  CHECK(sheet.Rows("SELECT id, user_id, city FROM people ORDER BY id") ==
        json::parse(R"([{"id": 1, "user_id": "bob", "city": "Bergen"}, {"id": 2, "user_id": "ada", "city": "Paris"}])"));
  sheet.Forget("m1");
  CHECK(sheet.Database().Count("people") == 1);
  sheet.Forget("m2");
  CHECK(sheet.Database().Count("people") == 0);
}

TEST_CASE("a row that a person made again after deleting the bridge's stays", "[rows][pg][T9]") {
  Sheet sheet{kPeople, kPeopleMapping};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Run("DELETE FROM people; INSERT INTO people (id, user_id, note) VALUES (1, 'ada', 'typed by hand')");
  sheet.Forget("m1");
  CHECK(PeopleIn(sheet) == json::parse(R"([{"id": 1, "user_id": "ada", "city": null, "note": "typed by hand"}])"));
}

TEST_CASE("a row that a person made again stays, also when the bridge wrote into it since", "[rows][pg][T9]") {
  Sheet sheet{std::string{kPeople} + "ALTER TABLE people ADD COLUMN team text;", R"yaml(
from: memory
rows:
  person:
    table: people
    key: {user_id: $memory.user_id}
    set: {city: $memory.metadata.city, team: $memory.metadata.team}
    gone: delete
)yaml"};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Run(GENERATE("TRUNCATE people RESTART IDENTITY; INSERT INTO people (user_id, note) VALUES ('ada', 'typed by hand')",
                     "DELETE FROM people; INSERT INTO people (id, user_id, note) VALUES (1, 'ada', 'typed by hand')",
                     "UPDATE people SET city = 'Ghent', note = 'typed by hand'"));
  sheet.Say(json{{"id", "m2"}, {"user_id", "ada"}, {"metadata", {{"team", "blue"}}}});
  CHECK(sheet.Rows("SELECT team FROM people") == json::parse(R"([{"team": "blue"}])"));
  sheet.Forget("m1");
  sheet.Forget("m2");
  CHECK(sheet.Rows("SELECT team, note FROM people") == json::parse(R"([{"team": null, "note": "typed by hand"}])"));
}

TEST_CASE("a row in which people changed everything but its key stays", "[rows][pg][T9]") {
  Sheet sheet{kPeople, kPeopleMapping};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Run("UPDATE people SET city = 'Ghent', source = 'crm'");
  sheet.Forget("m1");
  CHECK(PeopleIn(sheet)[0]["city"] == "Ghent");
}

TEST_CASE("a row of nothing but its key goes with its last memory", "[rows][pg][T9]") {
  Sheet sheet{"CREATE TABLE tags (id serial PRIMARY KEY, name text UNIQUE)", R"yaml(
from: memory
rows:
  tag: {table: tags, key: {name: $memory.metadata.tag}, gone: delete}
)yaml"};
  sheet.Say(json{{"id", "m1"}, {"metadata", {{"tag", "red"}}}});
  CHECK(sheet.Database().Count("tags") == 1);
  sheet.Run("TRUNCATE tags RESTART IDENTITY; INSERT INTO tags (name) VALUES ('blue')");
  sheet.Forget("m1");
  CHECK(sheet.Rows("SELECT name FROM tags") == json::parse(R"([{"name": "blue"}])"));
  sheet.Say(json{{"id", "m2"}, {"metadata", {{"tag", "green"}}}});
  sheet.Forget("m2");
  CHECK(sheet.Database().Count("tags") == 1);
}

TEST_CASE("a memory's own row is its own while one cell is as written", "[rows][pg][T9]") {
  Sheet sheet{"CREATE TABLE notes (id serial PRIMARY KEY, content text, author text)", R"yaml(
from: memory
rows:
  note: {table: notes, new: {author: bridge}, set: {content: $memory.text}, gone: delete}
)yaml"};
  sheet.Say(json{{"id", "m1"}, {"memory", "likes tea"}});
  sheet.Run("UPDATE notes SET content = 'likes green tea'");
  sheet.Say(json{{"id", "m1"}, {"memory", "likes coffee"}, {"updated_at", "2026-08-02T00:00:00Z"}});
  CHECK(sheet.Rows("SELECT content FROM notes") == json::parse(R"([{"content": "likes green tea"}])"));
  sheet.Run("TRUNCATE notes RESTART IDENTITY; INSERT INTO notes (content, author) VALUES ('bought milk', 'bob')");
  sheet.Say(json{{"id", "m1"}, {"memory", "likes cocoa"}, {"updated_at", "2026-08-03T00:00:00Z"}});
  sheet.Forget("m1");
  CHECK(sheet.Rows("SELECT content FROM notes") == json::parse(R"([{"content": "bought milk"}])"));
}

TEST_CASE("a person's row is not a memory's own because both refer to the same number", "[rows][pg][T9]") {
  Sheet sheet{std::string{kPeople} +
                  "CREATE TABLE notes (id serial PRIMARY KEY, person_id int, content text);"
                  "CREATE TABLE visits (id serial PRIMARY KEY, person_id int)",
              R"yaml(
from: memory
rows:
  person: {table: people, key: {user_id: $memory.user_id}}
  note: {table: notes, new: {person_id: $person.id}, set: {content: $memory.text}, gone: delete}
  visit: {table: visits, set: {person_id: $person.id}, gone: delete}
)yaml"};
  sheet.Say(Said("m1", "ada", "Paris"));
  CHECK(sheet.Rows("SELECT id, person_id FROM notes") == json::parse(R"([{"id": 1, "person_id": 1}])"));
  sheet.Run(
      "TRUNCATE people, notes RESTART IDENTITY; INSERT INTO people (user_id) VALUES ('bob');"
      "INSERT INTO notes (person_id, content) VALUES (1, 'bought milk')");
  sheet.Forget("m1");
  CHECK(sheet.Rows("SELECT content FROM notes") == json::parse(R"([{"content": "bought milk"}])"));
  // A row that the bridge gave nothing but a reference is known by it, and goes.
  CHECK(sheet.Database().Count("visits") == 0);
}

TEST_CASE("who only changes the case of a key has made it no other row", "[rows][pg][T9]") {
  Sheet sheet{"CREATE TABLE people (id serial PRIMARY KEY, email text, city text); CREATE UNIQUE INDEX ON people (lower(email))",
              R"yaml(
from: memory
rows:
  person: {table: people, key: {lower(email): $memory.metadata.email}, set: {city: $memory.metadata.city}, gone: delete}
)yaml"};
  sheet.Say(json{{"id", "m1"}, {"metadata", {{"email", "ada@example.test"}, {"city", "Paris"}}}});
  sheet.Run("UPDATE people SET email = 'Ada@Example.test'");
  sheet.Forget("m1");
  CHECK(sheet.Database().Count("people") == 0);
}

TEST_CASE("a ledger from before keys were remembered goes by what was written", "[rows][pg][T9]") {
  Sheet sheet{kPeople, kPeopleMapping};
  sheet.Say(Said("m1", "ada", "Paris"));
  sheet.Say(Said("m2", "bob", "Oslo"));
  sheet.Run("UPDATE membridge.rows SET keys = '{}', made = '{}'");
  sheet.Run("UPDATE people SET user_id = 'eve', city = 'Rome' WHERE user_id = 'ada'");
  sheet.Forget("m1");
  sheet.Forget("m2");
  CHECK(sheet.Rows("SELECT user_id, city FROM people") == json::parse(R"([{"user_id": "eve", "city": "Rome"}])"));
}

}  // namespace membridge::test
