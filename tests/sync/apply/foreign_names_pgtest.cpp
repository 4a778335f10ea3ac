#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::Outcome;

/// Whoever may CREATE in a schema of the path defines there what fits our arguments better than PostgreSQL's own.
constexpr const char* kTraps = R"sql(
  CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by lower'; END$$;
  CREATE FUNCTION public.to_jsonb(text[]) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by to_jsonb'; END$$;
  CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by unnest'; END$$;
  CREATE FUNCTION public.trapped(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by ='; END$$;
  CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.trapped);
  CREATE FUNCTION public.trapped(integer, integer) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by ='; END$$;
  CREATE OPERATOR public.= (LEFTARG = integer, RIGHTARG = integer, FUNCTION = public.trapped);
  CREATE FUNCTION public.jsonb_to_recordset(jsonb) RETURNS SETOF record LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
  CREATE FUNCTION public.jsonb_set(jsonb, text[], jsonb) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
)sql";

constexpr const char* kContacts = R"sql(
  CREATE TABLE contacts (id serial PRIMARY KEY, email varchar(80), login varchar(20) UNIQUE, labels pg_catalog.text[],
                         attrs pg_catalog.jsonb,
                         visits integer);
  CREATE UNIQUE INDEX ON contacts (pg_catalog.lower(email));
)sql";

constexpr const char* kContactsMapping = R"yaml(
from: memory
session: {search_path: public}
rows:
  contact:
    table: contacts
    key:
      - {login: $memory.user_id}
      - {lower(email): $memory.metadata.email}
    set:
      email: $memory.metadata.email
      labels[]: $memory.categories
      attrs.plan.tier: $memory.metadata.tier
      visits: $memory.metadata.visits
    gone: delete
)yaml";

json Contact(const char* tier, const char* updated_at) {
  return {{"id", "m1"},
          {"user_id", "ada"},
          {"categories", {"vip"}},
          {"metadata", {{"email", "Ada@example.test"}, {"tier", tier}, {"visits", 3}}},
          {"updated_at", updated_at}};
}

}  // namespace

TEST_CASE("nothing that others define in the path of a mapping is called", "[names][pg][T13]") {
  Sheet sheet{kContacts, kContactsMapping};
  sheet.Run(kTraps);
  sheet.Remap(kContactsMapping);
  CHECK(sheet.Say(Contact("gold", "2026-08-01T00:00:00Z")).cause == "");
  CHECK(sheet.Say(Contact("silver", "2026-08-02T00:00:00Z")).cause == "");
  CHECK(sheet.Database().Value("SELECT attrs #>> '{plan,tier}' FROM contacts") == "silver");
  CHECK(sheet.Forget("m1").cause == "");
  CHECK(sheet.Database().Count("contacts") == 0);
}

TEST_CASE("values of types from other schemas are equal by their own rule", "[names][pg][T13]") {
  Sheet sheet{R"sql(
    CREATE SCHEMA kinds;
    CREATE EXTENSION citext SCHEMA kinds;
    CREATE TYPE kinds.mood AS ENUM ('glad', 'sad');
    CREATE DOMAIN kinds.address AS kinds.citext CHECK (VALUE ~ '@');
    CREATE TABLE moods (id serial PRIMARY KEY, email kinds.address, mood kinds.mood, city text, UNIQUE (email, mood));
  )sql",
              R"yaml(
from: memory
rows:
  mood: {table: moods, key: {email: $memory.metadata.email, mood: $memory.metadata.mood}, set: {city: $memory.metadata.city}}
)yaml"};
  const auto say = [&](const char* email, const char* city, const char* updated_at) {
    return sheet.Say(
        json{{"id", "m1"}, {"metadata", {{"email", email}, {"mood", "glad"}, {"city", city}}}, {"updated_at", updated_at}});
  };
  CHECK(say("Ada@example.test", "Paris", "2026-08-01T00:00:00Z").cause == "");
  CHECK(say("ada@EXAMPLE.test", "Rome", "2026-08-02T00:00:00Z").cause == "");
  CHECK(sheet.Rows("SELECT email, city FROM moods") == json::parse(R"([{"email": "Ada@example.test", "city": "Rome"}])"));
}

TEST_CASE("rights on the mapped columns alone are enough", "[names][pg][T11]") {
  Sheet sheet{R"sql(
    CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text, company_id integer, salary numeric);
    CREATE TABLE companies (id serial PRIMARY KEY, domain text UNIQUE, secret text);
    INSERT INTO companies (domain) VALUES ('example.test');
    CREATE ROLE narrow;
    GRANT SELECT (id, user_id, city, company_id), INSERT (user_id, city, company_id), UPDATE (city, company_id) ON people TO narrow;
    GRANT USAGE ON SEQUENCE people_id_seq TO narrow;
    GRANT SELECT (id, domain) ON companies TO narrow;
  )sql",
              R"yaml(
from: memory
session: {role: narrow}
rows:
  person:
    table: people
    key: {user_id: $memory.user_id}
    set: {city: $memory.metadata.city, company_id: $company.id}
  company: {table: companies, create: false, key: {domain: $memory.metadata.domain}}
)yaml"};
  const auto say = [&](const char* city, const char* updated_at) {
    return sheet.Say(json{{"id", "m1"},
                          {"user_id", "ada"},
                          {"metadata", {{"city", city}, {"domain", "example.test"}}},
                          {"updated_at", updated_at}});
  };
  CHECK(say("Paris", "2026-08-01T00:00:00Z").cause == "");
  CHECK(say("Rome", "2026-08-02T00:00:00Z").cause == "");
  CHECK(sheet.Rows("SELECT city, company_id FROM people") == json::parse(R"([{"city": "Rome", "company_id": 1}])"));
  CHECK(sheet.Forget("m1").cause == "");
  CHECK(sheet.Rows("SELECT city FROM people") == json::parse(R"([{"city": null}])"));
  sheet.Run("DROP OWNED BY narrow; DROP ROLE narrow");
}

TEST_CASE("a key on a path inside json finds its row", "[names][pg][T16]") {
  Sheet sheet{"CREATE TABLE products (id serial PRIMARY KEY, name jsonb NOT NULL, stock text)", R"yaml(
from: memory
rows:
  product: {table: products, key: {name.en_US: $memory.metadata.product}, set: {stock: $memory.metadata.stock}, gone: delete}
)yaml"};
  const auto say = [&](const char* stock, const char* updated_at) {
    return sheet.Say(json{{"id", "m1"}, {"metadata", {{"product", "Desk"}, {"stock", stock}}}, {"updated_at", updated_at}});
  };
  CHECK(say("3", "2026-08-01T00:00:00Z").cause == "");
  sheet.Run("UPDATE products SET name = name || '{\"de_DE\": \"Tisch\"}'");
  CHECK(say("4", "2026-08-02T00:00:00Z").cause == "");
  CHECK(sheet.Rows("SELECT name, stock FROM products") ==
        json::parse(R"([{"name": {"en_US": "Desk", "de_DE": "Tisch"}, "stock": "4"}])"));
  CHECK(sheet.Forget("m1").cause == "");
  CHECK(sheet.Database().Count("products") == 0);
}

TEST_CASE("a key that a trigger changes is told once, with the fix, and makes no rows", "[rows][pg][T23]") {
  Sheet sheet{R"sql(
    CREATE TABLE people (id serial PRIMARY KEY, k text, city text);
    CREATE FUNCTION lower_k() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.k = lower(NEW.k); RETURN NEW; END$$;
    CREATE TRIGGER lower_k BEFORE INSERT OR UPDATE ON people FOR EACH ROW EXECUTE FUNCTION lower_k();
  )sql",
              R"yaml(
from: memory
rows:
  person: {table: people, key: {k: $memory.user_id}, set: {city: $memory.metadata.city}}
)yaml"};
  const auto say = [&](const char* city) {
    return sheet.Say(json{{"id", "m1"}, {"user_id", "ADA"}, {"metadata", {{"city", city}}}});
  };
  const Outcome outcome = say("Paris");
  CHECK(outcome.kind == Outcome::Kind::kParked);
  CHECK(outcome.hint.find("| lower") != std::string::npos);
  say("Rome");
  CHECK(sheet.Database().Count("people") == 0);
  sheet.Remap(R"yaml(
from: memory
rows:
  person: {table: people, key: {k: $memory.user_id | lower}, set: {city: $memory.metadata.city}}
)yaml");
  CHECK(say("Paris").cause == "");
  CHECK(say("Rome").cause == "");
  CHECK(sheet.Rows("SELECT k, city FROM people") == json::parse(R"([{"k": "ada", "city": "Rome"}])"));
}

TEST_CASE("a key that its type spells otherwise is the same key", "[rows][pg][T23]") {
  Sheet sheet{"CREATE TABLE codes (id serial PRIMARY KEY, code char(6) UNIQUE, amount numeric(6,1) UNIQUE, day date, city text)",
              R"yaml(
from: memory
rows:
  code: {table: codes, key: {code: $memory.user_id, amount: $memory.metadata.amount, day: $memory.metadata.day},
         set: {city: $memory.metadata.city}}
)yaml"};
  const auto say = [&](const char* city, const char* updated_at) {
    return sheet.Say(json{{"id", "m1"},
                          {"user_id", "ab"},
                          {"metadata", {{"amount", 2.04}, {"day", "2026-1-5"}, {"city", city}}},
                          {"updated_at", updated_at}});
  };
  CHECK(say("Paris", "2026-08-01T00:00:00Z").cause == "");
  CHECK(say("Rome", "2026-08-02T00:00:00Z").cause == "");
  CHECK(sheet.Rows("SELECT city FROM codes") == json::parse(R"([{"city": "Rome"}])"));
}

TEST_CASE("a row with a soft delete is born alive whatever the column's default", "[rows][pg][T22]") {
  const auto* const column =
      GENERATE("active boolean DEFAULT false", "active boolean", "active boolean NOT NULL DEFAULT false",
               "active timestamptz DEFAULT now()", "active boolean NOT NULL DEFAULT true", "active boolean NOT NULL");
  INFO(column);
  Sheet sheet{std::string{"CREATE TABLE people (id serial PRIMARY KEY, user_id text UNIQUE, city text, "} + column + ")", R"yaml(
from: memory
rows:
  person: {table: people, key: {user_id: $memory.user_id}, set: {city: $memory.metadata.city}, live: active, gone: delete}
)yaml"};
  const auto say = [&](const char* city, const char* updated_at) {
    return sheet.Say(json{{"id", "m1"}, {"user_id", "ada"}, {"metadata", {{"city", city}}}, {"updated_at", updated_at}});
  };
  CHECK(say("Paris", "2026-08-01T00:00:00Z").cause == "");
  CHECK(say("Rome", "2026-08-02T00:00:00Z").cause == "");
  CHECK(sheet.Rows("SELECT city, coalesce(active::text, 'null') IN ('true', 'null') AS alive FROM people") ==
        json::parse(R"([{"city": "Rome", "alive": true}])"));
  CHECK(sheet.Forget("m1").cause == "");
  CHECK(sheet.Rows("SELECT coalesce(active::text, 'null') IN ('true', 'null') AS alive FROM people") ==
        json::parse(R"([{"alive": false}])"));
}

}  // namespace membridge::test
