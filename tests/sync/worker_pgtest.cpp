#include "tests/support/catch.hpp"
#include "tests/sync/workshop.hpp"

namespace membridge::test {

TEST_CASE("a memory that is delivered becomes its row", "[worker][pg]") {
  Workshop shop{"CREATE TABLE people (id text PRIMARY KEY, nick text)",
                {{"people.yaml", "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.text}}}"}}};
  shop.Deliver("ADD", shop.sim.Add("ada", "Countess", nullptr, {}, false));
  shop.Work();
  CHECK(shop.Column("SELECT id || ' ' || nick FROM people") == std::vector<std::string>{"ada Countess"});
}

}  // namespace membridge::test
