#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::Outcome;

constexpr const char* kClients = R"sql(
  CREATE TABLE clients (id serial PRIMARY KEY, user_id text UNIQUE, fax text, city varchar(40), budget numeric(10,2), visits integer,
                        seen timestamp, street text, zip text, tags text[]);
)sql";

std::string ClientsMapping(const std::string& city = "city") {
  return R"yaml(
from: memory
rows:
  client:
    table: clients
    key: {user_id: $memory.user_id}
    set:
      )yaml" +
         city + R"yaml(: $memory.metadata.city
      budget: $memory.metadata.budget
      visits: $memory.metadata.visits
      seen: $memory.metadata.seen
      (street, zip): [$memory.metadata.street, $memory.metadata.zip]
      tags[]: $memory.metadata.tags
)yaml";
}

json Client(const char* id, const char* city, const char* updated_at = "2026-08-01T00:00:00Z", json more = json::object()) {
  json metadata{{"city", city},       {"budget", "1.5"}, {"visits", 7},  {"seen", "2026-01-02 03:04:05"},
                {"street", "Main 1"}, {"zip", "1010"},   {"tags", {"a"}}};
  metadata.update(more);
  return {{"id", id}, {"user_id", "ada"}, {"metadata", metadata}, {"updated_at", updated_at}};
}

std::string CityOf(const Sheet& sheet, const std::string& column = "city") {
  return sheet.Database().Value("SELECT coalesce(" + column + "::text, 'null') FROM clients WHERE user_id = 'ada'");
}

}  // namespace

TEST_CASE("what an application's migration does to columns nobody mapped changes nothing", "[drift][pg][T6]") {
  const auto* const ddl = GENERATE(
      "ALTER TABLE clients DROP COLUMN fax", "ALTER TABLE clients ADD COLUMN mobile text",
      "ALTER TABLE clients RENAME COLUMN fax TO telefax", "ALTER TABLE clients ADD COLUMN tier text NOT NULL DEFAULT 'none'",
      "ALTER TABLE clients ALTER COLUMN fax TYPE bigint USING NULL, DROP COLUMN IF EXISTS nothing",
      "ALTER TABLE clients ADD COLUMN grade integer GENERATED ALWAYS AS (visits + 1) STORED",
      "ALTER TABLE clients ADD COLUMN region text NOT NULL DEFAULT 'eu'; "
      "ALTER TABLE clients ALTER COLUMN region DROP DEFAULT; ALTER TABLE clients ALTER COLUMN region DROP NOT NULL");
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run(ddl);
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == "Rome");
  json other = Client("m2", "Oslo");
  other["user_id"] = "bob";
  CHECK(sheet.Say(other).cause == "");
  CHECK(sheet.Database().Count("clients") == 2);
}

TEST_CASE("a table that was dropped and made anew is written again", "[drift][pg][T6]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run(std::string{"DROP TABLE clients; "} + kClients);
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == "Rome");
}

TEST_CASE("a mapped column that is gone parks in plain words, and nothing when it is back", "[drift][pg][T6]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("ALTER TABLE clients DROP COLUMN city");
  const Outcome parked = sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z"));
  CHECK(parked.kind == Outcome::Kind::kParked);
  CHECK(parked.cause.find("clients has no column \"city\"") != std::string::npos);
  sheet.Run("ALTER TABLE clients ADD COLUMN city text");
  CHECK(sheet.Say(Client("m1", "Oslo", "2026-08-03T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == "Oslo");
}

TEST_CASE("a longer column is used at once", "[drift][pg][T6]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  const std::string city(60, 'x');
  CHECK(sheet.Say(Client("m1", city.c_str(), "2026-08-02T00:00:00Z")).kind == Outcome::Kind::kParked);
  sheet.Run("ALTER TABLE clients ALTER COLUMN city TYPE varchar(80)");
  CHECK(sheet.Say(Client("m1", city.c_str(), "2026-08-02T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == city);
}

TEST_CASE("a column that was renamed keeps its cells", "[drift][pg][T7]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("ALTER TABLE clients RENAME COLUMN city TO town; ALTER TABLE clients RENAME COLUMN street TO road");
  std::string mapping = ClientsMapping("town");
  mapping.replace(mapping.find("(street"), 7, "(road");
  sheet.Remap(mapping);
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z", {{"street", "Side 2"}})).cause == "");
  CHECK(sheet.Rows("SELECT town, road FROM clients") == json::parse(R"([{"town": "Rome", "road": "Side 2"}])"));
  sheet.Forget("m1");
  CHECK(sheet.Rows("SELECT town, road, visits FROM clients") == json::parse(R"([{"town": null, "road": null, "visits": null}])"));
}

TEST_CASE("a renamed primary key and key are followed", "[drift][pg][T7]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("ALTER TABLE clients RENAME COLUMN id TO client_id; ALTER TABLE clients RENAME COLUMN user_id TO login");
  std::string mapping = ClientsMapping();
  mapping.replace(mapping.find("{user_id"), 8, "{login");
  sheet.Remap(mapping);
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(sheet.Rows("SELECT login, city FROM clients") == json::parse(R"([{"login": "ada", "city": "Rome"}])"));
  sheet.Forget("m1");
  CHECK(sheet.Rows("SELECT city FROM clients") == json::parse(R"([{"city": null}])"));
}

TEST_CASE("two columns that changed names are not mixed up", "[drift][pg][T7]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run(
      "ALTER TABLE clients RENAME COLUMN street TO was_street; ALTER TABLE clients RENAME COLUMN city TO street; "
      "ALTER TABLE clients RENAME COLUMN was_street TO city");
  sheet.Remap(R"yaml(
from: memory
rows:
  client: {table: clients, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.street, street: $memory.metadata.city}}
)yaml");
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z", {{"street", "Side 2"}})).cause == "");
  CHECK(sheet.Rows("SELECT city, street FROM clients") == json::parse(R"([{"city": "Side 2", "street": "Rome"}])"));
}

TEST_CASE("another column of the same name is a new one", "[drift][pg][T7]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("ALTER TABLE clients DROP COLUMN city; ALTER TABLE clients ADD COLUMN city text; UPDATE clients SET city = 'Ghent'");
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == "Ghent");
  sheet.Run("UPDATE clients SET city = NULL");
  sheet.Say(Client("m1", "Rome", "2026-08-03T00:00:00Z"));
  CHECK(CityOf(sheet) == "Rome");
}

TEST_CASE("a change of type that keeps the values keeps the cells", "[drift][pg][T8]") {
  const auto* const change =
      GENERATE("budget TYPE numeric(12,4)", "budget TYPE double precision", "budget TYPE text", "city TYPE text",
               "city TYPE char(50)", "city TYPE varchar(20)", "visits TYPE bigint", "visits TYPE numeric(8,2)",
               "visits TYPE text", "seen TYPE timestamptz", "seen TYPE date", "zip TYPE integer USING zip::integer",
               "street TYPE varchar(30)", "tags TYPE varchar(10)[]", "user_id TYPE varchar(100)");
  INFO(change);
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run(std::string{"ALTER TABLE clients ALTER COLUMN "} + change);
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z", {{"budget", "2.5"}, {"visits", 8}, {"zip", "2020"}})).cause == "");
  CHECK(sheet.Rows(
            "SELECT trim(city) AS city, budget::numeric(8,1)::text AS budget, visits::numeric(8,0)::text AS visits, zip::text "
            "AS zip FROM clients") == json::parse(R"([{"city": "Rome", "budget": "2.5", "visits": "8", "zip": "2020"}])"));
  sheet.Forget("m1");
  CHECK(sheet.Rows("SELECT city, budget, visits, seen, street, zip, tags FROM clients") ==
        json::parse(
            R"([{"city": null, "budget": null, "visits": null, "seen": null, "street": null, "zip": null, "tags": null}])"));
}

TEST_CASE("text becomes an enum, and an enum text", "[drift][pg][T8]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("CREATE TYPE town AS ENUM ('Paris', 'Rome'); ALTER TABLE clients ALTER COLUMN city TYPE town USING city::text::town");
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == "Rome");
  sheet.Run("ALTER TABLE clients ALTER COLUMN city TYPE text; DROP TYPE town");
  CHECK(sheet.Say(Client("m1", "Oslo", "2026-08-03T00:00:00Z")).cause == "");
  CHECK(CityOf(sheet) == "Oslo");
}

TEST_CASE("a text that the new type refuses makes the cell a person's, and is known as left", "[drift][pg][T8]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("ALTER TABLE clients ALTER COLUMN city TYPE integer USING length(city)");
  sheet.Say(Client("m1", "9", "2026-08-02T00:00:00Z"));
  CHECK(CityOf(sheet) == "5");
  sheet.Forget("m1");
  CHECK(CityOf(sheet) == "5");
  CHECK(sheet.Rows("SELECT source, cells FROM membridge.released") ==
        json::parse(R"([{"source": "m1", "cells": {"city": {}}}])"));
}

TEST_CASE("a mapping edition that is forgotten, and a column renamed after it, still lose what was said", "[drift][pg][T7]") {
  Sheet sheet{kClients, ClientsMapping()};
  sheet.Run("CREATE TABLE others (id serial PRIMARY KEY, user_id text UNIQUE, town text)");
  sheet.Say(Client("m1", "Paris"));
  sheet.Run("ALTER TABLE clients RENAME COLUMN city TO town");
  sheet.Remap(R"yaml(
from: memory
rows:
  other: {table: others, key: {user_id: $memory.user_id}, set: {town: $memory.metadata.city}}
)yaml");
  CHECK(sheet.Say(Client("m1", "Rome", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(sheet.Rows("SELECT town, visits FROM clients") == json::parse(R"([{"town": null, "visits": null}])"));
  CHECK(sheet.Rows("SELECT town FROM others") == json::parse(R"([{"town": "Rome"}])"));
}

}  // namespace membridge::test
