// Workers and memories that wait for a row.

#include <algorithm>
#include <thread>

#include "sync/inbox/postgres_inbox.hpp"
#include "sync/queue/reproject.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using Strings = std::vector<std::string>;

constexpr const char* kMarkWokenTables =
    "CREATE TABLE companies (id bigserial PRIMARY KEY, domain text NOT NULL);"
    "CREATE TABLE people (ref text PRIMARY KEY, company_id bigint)";
// In two files: who makes a row need not know who looks for it.
const std::map<std::string, std::string> kMappings{
    {"companies.yaml", "rows: {company: {table: companies, key: {domain: $memory.metadata.founds}}}"},
    {"people.yaml",
     "rows:\n"
     "  company: {table: companies, create: false, key: {domain: $memory.metadata.works_at}}\n"
     "  person:\n"
     "    table: people\n"
     "    when: $memory.metadata.works_at\n"
     "    key: {ref: $memory.user_id}\n"
     "    set: {company_id: $company.id}\n"}};
constexpr const char* kWhoIsWhere =
    "SELECT ref || ' ' || coalesce(domain, 'nowhere') FROM people LEFT JOIN companies c ON c.id = company_id ORDER BY ref";

std::string WorksAt(Workshop& shop, const std::string& user, const std::string& domain) {
  return shop.sim.Add(user, "works", {{"works_at", domain}}, {}, false);
}

std::string Founds(Workshop& shop, const std::string& domain) {
  return shop.sim.Add("owner", "founds", {{"founds", domain}}, {}, false);
}

std::int64_t Waiting(const Workshop& shop) {
  return shop.db.Count("membridge.memories WHERE waits");
}

}  // namespace

TEST_CASE("a memory that looked in vain for a row is applied again once another mapping makes it, without asking Mem0",
          "[worker][waiting][pg]") {
  Workshop shop{kMarkWokenTables, kMappings, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  const std::string ada = WorksAt(shop, "ada", "acme.test");
  shop.Deliver("ADD", ada);
  shop.Deliver("ADD", WorksAt(shop, "grace", "navy.test"));
  shop.Work();
  CHECK(shop.Column(kWhoIsWhere) == Strings{"ada nowhere", "grace nowhere"});
  CHECK(Waiting(shop) == 2);

  const std::string acme = Founds(shop, "acme.test");
  shop.sim.Delete(ada, false);  // what is read again is the mirror: Mem0 would say that it is gone
  shop.Deliver("ADD", acme);
  shop.Work();
  CHECK(shop.Column(kWhoIsWhere) == Strings{"ada acme.test", "grace nowhere"});
  CHECK(Waiting(shop) == 1);
  CHECK(shop.Target().Count("membridge.waiting") == 1);
  CHECK(shop.Target().Count("membridge.waiting WHERE woken") == 0);
}

TEST_CASE("a process that dies between the commits of target and state leaves nobody waiting for a row that is there",
          "[worker][waiting][pg]") {
  Workshop shop{kMarkWokenTables, kMappings, Workshop::Tables::kElsewhere};
  shop.Deliver("ADD", WorksAt(shop, "ada", "acme.test"));
  shop.Work();
  shop.db.RunScript(
      "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN "
      "NEW; END';"
      "CREATE CONSTRAINT TRIGGER die AFTER INSERT ON membridge.memories DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
      "FUNCTION die()");
  shop.Deliver("ADD", Founds(shop, "acme.test"));
  CHECK(shop.NewWorker()->RunOnce());
  CHECK(shop.Target().Count("companies") == 1);
  CHECK(shop.Target().Count("membridge.made") == 1);
  CHECK(shop.db.Count("membridge.memories") == 1);

  shop.db.RunScript("DROP TRIGGER die ON membridge.memories");
  shop.Work();
  CHECK(shop.Column(kWhoIsWhere) == Strings{"ada acme.test"});
  CHECK(shop.Target().Count("membridge.waiting") == 0);
}

TEST_CASE("whoever comes first of many that look and many that make, nobody waits in the end for a row that is there",
          "[worker][waiting][pg]") {
  Workshop shop{kMarkWokenTables, kMappings, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  shop.options.batch = 2;
  constexpr int kPairs = 24;
  std::vector<sync::Delivery> deliveries;
  Strings expected;
  for (int i = 0; i < kPairs; ++i) {
    const std::string number = std::to_string(10 + i);
    deliveries.push_back(shop.DeliveryOf({{"ADD", WorksAt(shop, "user-" + number, number + ".test")}}));
    deliveries.push_back(shop.DeliveryOf({{"ADD", Founds(shop, number + ".test")}}));
    expected.push_back("user-" + number + " " + number + ".test");
  }
  shop.WorkTogether([&] { shop.Accept(deliveries); });
  shop.Work();  // who was woken last
  CHECK(shop.Column(kWhoIsWhere) == expected);
  CHECK(Waiting(shop) == 0);
  CHECK(shop.Target().Count("membridge.waiting") == 0);
}

TEST_CASE("a row that a person made is noticed by those that wait for it when they are projected again",
          "[worker][waiting][pg]") {
  Workshop shop{kMarkWokenTables, kMappings, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  shop.Deliver("ADD", WorksAt(shop, "ada", "acme.test"));
  shop.Deliver("ADD", WorksAt(shop, "grace", "navy.test"));
  shop.Deliver("ADD", Founds(shop, "other.test"));
  shop.Work();
  shop.Target().RunScript("INSERT INTO companies (domain) VALUES ('acme.test')");
  auto state = shop.db.Session();
  CHECK(sync::MarkWaiting(state, kCrm) == 2);
  shop.Work();
  CHECK(shop.Column(kWhoIsWhere) == Strings{"ada acme.test", "grace nowhere"});
  CHECK(Waiting(shop) == 1);
}

TEST_CASE("a memory that finds nothing again is left alone until something new is made", "[worker][waiting][pg]") {
  Workshop shop{kMarkWokenTables, kMappings};
  shop.Deliver("ADD", WorksAt(shop, "ada", "acme.test"));
  shop.Work();
  shop.Target().RunScript("UPDATE membridge.waiting SET woken = true");  // as by a row that went again before it was looked at
  shop.Work();
  const auto claimed = shop.counters.claimed.load();
  CHECK(shop.Target().Count("membridge.waiting WHERE NOT woken") == 1);
  shop.options.wake_every = std::chrono::seconds{0};
  shop.Work();
  CHECK(shop.counters.claimed.load() == claimed);
}

TEST_CASE("a parked memory waits for nothing, and its mapping's notes go with it", "[worker][waiting][pg]") {
  std::string tables = kMarkWokenTables;
  tables += "; ALTER TABLE people ADD CONSTRAINT nobody CHECK (ref <> 'ada')";
  Workshop shop{tables, kMappings};
  shop.Deliver("ADD", WorksAt(shop, "ada", "acme.test"));
  shop.Work();
  CHECK(shop.db.Count("membridge.parked") == 1);
  CHECK(Waiting(shop) == 0);
  CHECK(shop.Target().Count("membridge.waiting") == 0);
  shop.Deliver("ADD", Founds(shop, "acme.test"));
  shop.Work();
  CHECK(shop.db.Count("membridge.parked WHERE attempts > 2") == 0);
}

}  // namespace membridge::test
