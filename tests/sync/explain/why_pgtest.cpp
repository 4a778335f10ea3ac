#include "sync/explain/why.hpp"
#include "sync/inbox/delivery_partitions.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

/// Partitions of the days on which the deliveries of these cases came.
void MakeDays(const Sheet& sheet) {
  sync::postgres::Session session = sheet.Database().Session();
  sync::EnsurePartitions(session, *ParseDay("2026-08-02"), 1);
}

}  // namespace

TEST_CASE("a column that the role may not read is left out, and all others are told", "[why][pg][T11]") {
  Sheet sheet{"CREATE TABLE people (id text PRIMARY KEY, nick text, salary text); CREATE ROLE reading",
              "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.metadata.nick}}}"};
  sheet.Say(
      nlohmann::json{{"id", "m1"}, {"user_id", "u1"}, {"metadata", {{"nick", "Ada"}}}, {"updated_at", "2026-08-01T00:00:00Z"}});
  MakeDays(sheet);
  sheet.Run(
      "GRANT SELECT (id, nick) ON people TO reading; GRANT USAGE ON SCHEMA membridge TO reading; "
      "GRANT SELECT ON ALL TABLES IN SCHEMA membridge TO reading");
  sync::postgres::Session state = sheet.Database().Session();
  sync::postgres::Session target = sheet.Database().Session();
  target.Run("SET ROLE reading");
  const auto history = sync::Why(target, state, *sheet.Catalog(), {sheet.Mapping()}, "people", "u1", std::nullopt);
  REQUIRE(history);
  REQUIRE(history->cells.size() == 1);
  CHECK(history->cells[0].current == nlohmann::json("Ada"));
  target.Run("RESET ROLE");
  sheet.Run("DROP OWNED BY reading; DROP ROLE reading");
}

TEST_CASE("a cell tells which memory, version and line wrote it, what was there before and what a person changed", "[why][pg]") {
  Sheet sheet{"CREATE TABLE people (id text PRIMARY KEY, nick text, city text); INSERT INTO people VALUES ('u1', NULL, 'Rome')",
              "rows:\n  person:\n    table: people\n    key: {id: $memory.user_id}\n    set:\n      nick: "
              "$memory.metadata.nick\n      city: $memory.metadata.city\n"};
  sheet.Say(nlohmann::json{{"id", "m1"},
                           {"user_id", "u1"},
                           {"metadata", {{"nick", "Ada"}, {"city", "Bern"}}},
                           {"updated_at", "2026-08-01T00:00:00Z"}});
  sheet.Say(
      nlohmann::json{{"id", "m2"}, {"user_id", "u1"}, {"metadata", {{"nick", "Eve"}}}, {"updated_at", "2026-08-02T00:00:00Z"}});
  MakeDays(sheet);
  sheet.Run(
      "UPDATE people SET nick = 'Countess'; INSERT INTO membridge.deliveries VALUES ('018f0000-0000-7000-8000-000000000001', "
      "'2026-08-02T00:00:01Z', 'crm', 'update', '', '', '{}', '{m2}', '')");

  sync::postgres::Session state = sheet.Database().Session();
  const auto history = sync::Why(sheet.Connection(), state, *sheet.Catalog(), {sheet.Mapping()}, "people", "u1", std::nullopt);
  REQUIRE(history);
  REQUIRE(history->cells.size() == 2);
  const auto& city = history->cells[0];
  CHECK(city.cell == "city");
  CHECK(city.is_persons);
  CHECK_FALSE(city.before);
  CHECK(city.claims.front().value == "Bern");
  const auto& nick = history->cells[1];
  CHECK(nick.is_persons);
  CHECK(nick.before == nlohmann::json(nullptr));
  CHECK(nick.written == nlohmann::json("Eve"));
  REQUIRE(nick.claims.size() == 2);
  CHECK(nick.claims[0].source == "m2");
  CHECK(nick.claims[0].stamp == "2026-08-02T00:00:00.000000Z");
  CHECK(nick.claims[0].place == "sheet.yaml:6");
  CHECK(nick.claims[0].delivery == "018f0000-0000-7000-8000-000000000001");
  CHECK(nick.claims[1].source == "m1");
  CHECK(sync::WhyText(*history).find("→ m2 says 'Eve'") != std::string::npos);

  const auto one = sync::Why(sheet.Connection(), state, *sheet.Catalog(), {sheet.Mapping()}, "people", "u1", "nick");
  REQUIRE(one);
  CHECK(one->cells.size() == 1);
}

TEST_CASE("a row made by an event tells the event, its memory and its delivery", "[why][pg]") {
  Sheet sheet{"CREATE TABLE fact (id uuid PRIMARY KEY, kind text)",
              "from: event\nrows:\n  fact:\n    table: fact\n    key: {id: $event.id}\n    new: {kind: $event.type}\n"};
  const std::string delivery = "018f0000-0000-7000-8000-000000000001";
  sync::Source source;
  source.project = ProjectId{"crm"};
  source.id = delivery;
  source.memory = "m2";
  source.stamp = ParseRfc3339("2026-08-02T00:00:01Z").value();
  source.names = {{"event", {{"id", delivery}, {"type", "ADD"}}}, {"memory", {{"id", "m2"}}}};
  sheet.Apply({source});
  MakeDays(sheet);
  sheet.Run("INSERT INTO membridge.deliveries VALUES ('" + delivery +
            "', '2026-08-02T00:00:01Z', 'crm', 'add', '', '', '{}', '{m2}', ''), "
            "('018f0000-0000-7000-8000-000000000002', '2026-08-03T00:00:01Z', 'crm', 'update', '', '', '{}', '{m2}', '')");

  sync::postgres::Session state = sheet.Database().Session();
  const auto column = GENERATE(as<std::optional<std::string>>{}, std::nullopt, "kind");
  const auto history = sync::Why(sheet.Connection(), state, *sheet.Catalog(), {sheet.Mapping()}, "fact", delivery, column);
  REQUIRE(history);
  REQUIRE(history->wanted_by.size() == 1);
  CHECK(history->wanted_by[0].memory == "m2");
  CHECK(history->wanted_by[0].delivery == delivery);
  CHECK(history->wanted_by[0].place == "sheet.yaml:3");
  CHECK(sync::WhyText(*history).find("for event " + delivery + " of memory m2 (version 2026-08-02T00:00:01") !=
        std::string::npos);
  CHECK(sync::WhyJson(*history)["wanted_by"][0]["event"] == delivery);
}

TEST_CASE("why says what is wrong with the question", "[why][pg]") {
  Sheet sheet{"CREATE TABLE people (id bigint PRIMARY KEY, nick text); INSERT INTO people VALUES (1)",
              "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.text}}}"};
  sync::postgres::Session state = sheet.Database().Session();
  const auto ask = [&](const char* table, const char* key) {
    return sync::Why(sheet.Connection(), state, *sheet.Catalog(), {}, table, key, std::nullopt);
  };
  CHECK(ask("persons", "1").error().message == "there is no table persons");
  CHECK(ask("people", "x").error().message == "x is no key of public.people");
  CHECK(ask("people", "2").error().message == "public.people has no row 2");
  CHECK(ask("people", "1").error().message == "the bridge never wrote row 1 of public.people");
}

}  // namespace membridge::test
