// A process looks at a ledger while another one of the same state takes it over.

#include <functional>
#include <future>

#include "sync/targets/ledger_tie.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using sync::LedgerTie;

constexpr const char* kTable = "CREATE TABLE people (ref text PRIMARY KEY, said text)";
const std::map<std::string, std::string> kMappings{
    {"people.yaml", "rows: {person: {table: people, key: {ref: $memory.user_id}, set: {said: $memory.text}, gone: delete}}"}};

/// What a process is answered when `takeover` happens between the two questions of its look: to the state, and to the ledger.
Result<sync::Admission> AdmittedDuring(const Workshop& shop, const std::function<void(sync::postgres::Transaction&)>& takeover) {
  auto other = shop.Target().Session();
  auto transaction = other.Begin();
  // The second question reads these, and waits until the takeover is through.
  transaction.Run("LOCK TABLE membridge.fences IN ACCESS EXCLUSIVE MODE");
  auto admission = std::async(std::launch::async, [&] {
    auto state = shop.db.Session();
    auto there = shop.Target().Session();
    return LedgerTie{state, there, "default"}.Admit();
  });
  const auto waits = [&] {
    return shop.Target().Count("pg_locks WHERE relation = 'membridge.fences'::regclass AND NOT granted") == 1;
  };
  REQUIRE(Eventually(waits));
  takeover(transaction);
  return admission.get();
}

/// A bridge that has written to its target.
struct Tied {
  Tied() : shop(kTable, kMappings, Workshop::Tables::kElsewhere) {
    shop.Deliver("ADD", shop.sim.Add("ada", "Paris", nullptr, {}, false));
    shop.Work();
  }
  Workshop shop;
};

}  // namespace

TEST_CASE("a ledger that this state takes over during a look is not refused", "[targets][worker][pg][T12]") {
  Tied tied;
  const PgDatabase& state = tied.shop.db;
  const std::string next = state.Value("SELECT gen_random_uuid()");
  const auto admission = AdmittedDuring(tied.shop, [&](sync::postgres::Transaction& there) {
    state.Run("UPDATE membridge.ledgers SET next_incarnation = $1::uuid", {next});
    there.Run("UPDATE membridge.belonging SET incarnation = $1::uuid", {next});
    there.Commit();
    state.Run("UPDATE membridge.ledgers SET former = former || incarnation, incarnation = $1::uuid, next_incarnation = NULL",
              {next});
  });
  CHECK(admission.has_value());
  CHECK(state.Count("membridge.targets WHERE refused_since IS NOT NULL") == 0);
}

TEST_CASE("a ledger that another state takes over during a look is refused", "[targets][worker][pg][T12]") {
  Tied tied;
  const auto admission = AdmittedDuring(tied.shop, [&](sync::postgres::Transaction& there) {
    there.Run("UPDATE membridge.belonging SET state = gen_random_uuid(), incarnation = gen_random_uuid()");
    there.Commit();
  });
  REQUIRE_FALSE(admission.has_value());
  CHECK(admission.error().code == ErrorCode::kRefused);
  CHECK(tied.shop.db.Count("membridge.targets WHERE refused_since IS NOT NULL") == 1);
}

}  // namespace membridge::test
