// Others who may make functions, operators and tables in the state database.
#include <map>
#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {

TEST_CASE("nothing that others define in the state database is ever called by what stores, marks, reads and parks",
          "[worker][pg][T13]") {
  Workshop shop{"CREATE TABLE people (user_id text PRIMARY KEY, city text)",
                {{"person.yaml",
                  "rows: {person: {table: people, gone: delete, key: {user_id: $memory.user_id}, set: {city: "
                  "$memory.metadata.city}}}"}}};
  // Each fits our arguments better than PostgreSQL's own, wherever `public` is looked into.
  shop.db.RunScript(R"sql(
    CREATE FUNCTION public.unnest(text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by unnest'; END$$;
    CREATE FUNCTION public.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by unnest'; END$$;
    CREATE FUNCTION public.unnest(smallint[]) RETURNS SETOF smallint LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by unnest'; END$$;
    CREATE FUNCTION public.unnest(uuid[]) RETURNS SETOF uuid LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by unnest'; END$$;
    CREATE FUNCTION public.to_json(text[]) RETURNS json LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by to_json'; END$$;
    CREATE FUNCTION public.to_jsonb(text) RETURNS jsonb LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by to_jsonb'; END$$;
    CREATE FUNCTION public.array_length(text[], integer) RETURNS integer LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
    CREATE FUNCTION public.cardinality(text[]) RETURNS integer LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped'; END$$;
    CREATE FUNCTION public.times(bigint, interval) RETURNS interval LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by *'; END$$;
    CREATE OPERATOR public.* (LEFTARG = bigint, RIGHTARG = interval, FUNCTION = public.times);
    CREATE FUNCTION public.overlap(text[], text[]) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by &&'; END$$;
    CREATE OPERATOR public.&& (LEFTARG = text[], RIGHTARG = text[], FUNCTION = public.overlap);
    CREATE FUNCTION public.odd_state(bigint, text) RETURNS bigint LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by count'; END$$;
    CREATE AGGREGATE public.count(text) (SFUNC = public.odd_state, STYPE = bigint, INITCOND = '0');
    CREATE FUNCTION public.odd_list(text[], text) RETURNS text[] LANGUAGE plpgsql AS $$BEGIN RAISE 'trapped by array_agg'; END$$;
    CREATE AGGREGATE public.array_agg(text) (SFUNC = public.odd_list, STYPE = text[], INITCOND = '{}');
    CREATE TABLE public.dirty (LIKE membridge.dirty); CREATE TABLE public.memories (x int); CREATE TABLE public.deliveries (x int);
  )sql");
  std::map<std::string, std::string> memories;
  for (const std::string user : {"u1", "u2", "u3"}) {
    memories[user] = shop.sim.Add(user, "moved", {{"city", "Rome"}}, {}, false);
    shop.Deliver("ADD", memories[user]);
  }
  shop.Work();
  CHECK(shop.Target().Count("people") == 3);
  shop.sim.Edit(memories.at("u1"), {{"metadata", {{"city", std::string(50'000, 'x')}}}}, false);
  shop.sim.Delete(memories.at("u2"), false);
  shop.Accept({shop.DeliveryOf({{"UPDATE", memories.at("u1")}, {"DELETE", memories.at("u2")}})});
  shop.Target().RunScript("ALTER TABLE people ADD CONSTRAINT odd CHECK (pg_catalog.length(city) < 100)");
  shop.Work();
  CHECK(shop.Column("SELECT user_id FROM people WHERE city = 'Rome' ORDER BY 1") == std::vector<std::string>{"u1", "u3"});
  CHECK(shop.db.Count("membridge.parked") == 1);
  shop.Target().RunScript("ALTER TABLE people DROP CONSTRAINT odd");
  shop.db.RunScript("UPDATE membridge.parked SET next_try_at = pg_catalog.statement_timestamp()");
  shop.Work();
  CHECK(shop.db.Count("membridge.parked") == 0);
  auto session = sync::postgres::Session{shop.db.Dsn()};
  CHECK(session.Run("SELECT pg_catalog.current_setting('search_path')").Text(0, 0) == "pg_catalog, pg_temp");
}

}  // namespace membridge::test
