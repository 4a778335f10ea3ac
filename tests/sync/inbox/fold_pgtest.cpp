#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "sync/inbox/fold.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "sync/queue/parked.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::Delivery;
using sync::Fold;
using sync::Folded;
using sync::PostgresInbox;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::DeliveryOf;
using test::FoldAll;
using test::PgDatabase;

/// Every project counts events.
bool CountsEveryEvent(const ProjectId&) {
  return true;
}

Delivery DeliveryTelling(int n, const std::string& type, const std::vector<std::string>& memories) {
  Delivery delivery = DeliveryOf(n, memories);
  delivery.events.assign(memories.size(), type);
  return delivery;
}

void StoreCounted(const PgDatabase& db, const std::vector<Delivery>& deliveries) {
  PostgresInbox inbox{db.Dsn(), {}, CountsEveryEvent};
  REQUIRE(inbox.Accept(deliveries).has_value());
}

std::string MarksOf(const PgDatabase& db) {
  return db.Value("SELECT string_agg(memory_id || ' ' || generation, ', ' ORDER BY memory_id) FROM membridge.dirty");
}

constexpr const char* kStoreOne =
    "INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, buckets, told, "
    "events, "
    "body) SELECT gen_random_uuid(), '2026-03-01 09:00Z', 'crm', '', '', '', '{}', ARRAY[$1], '{1}', '{ADD}', "
    "ARRAY[gen_random_uuid()], ''";

/// A transaction that stored a delivery and is not committed.
struct Storing {
  Storing(const PgDatabase& db, const std::string& memory) : session(db.Session()), transaction(session.Begin()) {
    transaction.Run(kStoreOne, {memory});
  }
  Session session;
  Transaction transaction;
};

}  // namespace

TEST_CASE("a snapshot tells which transactions are folded", "[sync][fold]") {
  CHECK(sync::Sees("10:20:12,15", 9));
  CHECK(sync::Sees("10:20:12,15", 11));
  CHECK_FALSE(sync::Sees("10:20:12,15", 12));
  CHECK_FALSE(sync::Sees("10:20:12,15", 15));
  CHECK(sync::Sees("10:20:12,15", 19));
  CHECK_FALSE(sync::Sees("10:20:", 20));
  CHECK_FALSE(sync::Sees("", 3));
}

TEST_CASE("a delivery that commits after younger ones were folded is folded, too, and once", "[sync][pg][fold]") {
  const PgDatabase db;
  StoreCounted(db, {DeliveryOf(1, {"first"})});
  FoldAll(db);
  auto late = std::make_unique<Storing>(db, "late");
  auto later = std::make_unique<Storing>(db, "later");
  StoreCounted(db, {DeliveryOf(2, {"young"})});
  CHECK(FoldAll(db) == 1);
  StoreCounted(db, {DeliveryOf(3, {"younger"})});
  later->transaction.Commit();
  CHECK(FoldAll(db) == 2);
  CHECK(FoldAll(db) == 0);
  late->transaction.Commit();
  CHECK(FoldAll(db) == 1);
  CHECK(FoldAll(db) == 0);
  CHECK(MarksOf(db) == "first 1, late 1, later 1, young 1, younger 1");
  { const Storing never(db, "rolled-back"); }
  CHECK(FoldAll(db) == 0);
}

TEST_CASE("folds of any size take everything once, whatever is still open", "[sync][pg][fold]") {
  const PgDatabase db;
  StoreCounted(db, {DeliveryOf(100, {})});
  FoldAll(db);
  std::vector<std::unique_ptr<Storing>> open;
  for (int n = 0; n < 12; ++n) {
    open.push_back(std::make_unique<Storing>(db, "late-" + std::to_string(n)));
    StoreCounted(db, {DeliveryOf(3 * n, {"m-" + std::to_string(n)}), DeliveryOf(3 * n + 1, {"n-" + std::to_string(n)})});
  }
  Session session = db.Session();
  const auto at_most = GENERATE(as<std::size_t>{}, 1, 2, 3, 5, 100);
  CAPTURE(at_most);
  std::size_t taken = 0;
  const auto fold = [&] {
    for (Folded folded = Fold::Once(session, at_most);; folded = Fold::Once(session, at_most)) {
      taken += folded.deliveries;
      if (!folded.more) break;
    }
  };
  fold();
  CHECK(taken == 24);
  for (const std::size_t n : {3u, 7u, 8u, 0u, 11u}) open[n]->transaction.Commit();
  fold();
  CHECK(taken == 29);
  for (const std::size_t n : {5u, 1u, 2u, 4u, 6u, 9u, 10u}) open[n]->transaction.Commit();
  fold();
  CHECK(taken == 36);
  fold();
  CHECK(taken == 36);
  CHECK(db.Count("membridge.dirty") == 36);
  CHECK(db.Count("membridge.dirty WHERE generation = 1") == 36);
  CHECK(db.Count("membridge.events") == 12);
}

TEST_CASE("many that store and many that fold make each event once", "[sync][pg][fold]") {
  const PgDatabase db;
  std::atomic<std::size_t> folded = 0;
  std::atomic<bool> over = false;
  {
    std::vector<std::jthread> folding;
    for (int process = 0; process < 3; ++process) {
      folding.emplace_back([&] {
        Session session = db.Session();
        while (!over) folded += Fold::Once(session, 7).deliveries;
      });
    }
    std::vector<std::jthread> storing;
    for (int process = 0; process < 4; ++process) {
      storing.emplace_back([&, process] {
        for (int batch = 0; batch < 30; ++batch) {
          std::vector<Delivery> deliveries;
          for (int n = 0; n < 5; ++n) {
            const int number = process * 1000 + batch * 5 + n;
            deliveries.push_back(
                DeliveryTelling(number, "UPDATE", {"m-" + std::to_string(number % 13), "n-" + std::to_string(number)}));
          }
          StoreCounted(db, deliveries);
        }
      });
    }
    storing.clear();
    over = true;
  }
  folded += FoldAll(db);
  CHECK(folded == 600);
  CHECK(db.Count("membridge.events") == 1200);
  CHECK(db.Count("membridge.dirty") == 613);
}

TEST_CASE("what one delivery alone told of a memory is kept with its mark", "[sync][pg][fold]") {
  const PgDatabase db;
  Delivery one = DeliveryTelling(1, "UPDATE", {"m-1", "m-2"});
  one.announced = {"5f2b"};
  StoreCounted(db, {one, DeliveryTelling(2, "ADD", {"m-3"}), DeliveryTelling(3, "UPDATE", {"m-3"})});
  FoldAll(db);
  const auto told = [&] {
    return db.Value("SELECT string_agg(memory_id || ' ' || coalesce(told, '-'), ', ' ORDER BY memory_id) FROM membridge.dirty");
  };
  CHECK(told() == "m-1 UPDATE 5f2b, m-2 UPDATE, m-3 -");
  StoreCounted(db, {DeliveryTelling(4, "UPDATE", {"m-1"})});
  FoldAll(db);
  test::Mark(db, {"m-2"}, "sweep");
  CHECK(told() == "m-1 -, m-2 -, m-3 -");
  for (const sync::Claim& claim : test::ClaimAll(db)) CHECK(claim.told.empty());
}

TEST_CASE("in a copy of the database the days kept are folded anew, in slices, and then as ever", "[sync][pg][fold]") {
  const PgDatabase db;
  std::vector<Delivery> deliveries;
  for (int n = 0; n < 25; ++n) deliveries.push_back(DeliveryOf(n, {"m-" + std::to_string(n)}));
  StoreCounted(db, deliveries);
  FoldAll(db);
  db.Run("TRUNCATE membridge.dirty");
  std::string cause;
  SECTION("another server") {
    cause = "server = '1/1'";
  }
  SECTION("transactions have lower numbers here") {
    cause = "snapshot = '4000000000000:4000000000000:'";
  }
  SECTION("a dump of one that never folded") {
    cause = "snapshot = NULL, server = NULL";
    db.Run("UPDATE membridge.deliveries SET xid = (xid::text::bigint + 4000000000000)::text::xid8");
  }
  db.Run("UPDATE membridge.fold SET " + cause);
  Storing under_way(db, "under-way");
  Session session = db.Session();
  CHECK(Fold::Once(session, 10).more);
  CHECK(db.Count("membridge.dirty") == 10);
  CHECK(FoldAll(db) == 15);
  under_way.transaction.Commit();
  StoreCounted(db, {DeliveryOf(100, {"m-100"})});
  CHECK(FoldAll(db) == 2);
  CHECK(db.Count("membridge.dirty") == 27);
  CHECK(db.Count("membridge.dirty WHERE generation = 1") == 27);
  CHECK(FoldAll(db) == 0);
}

TEST_CASE("a delivery of which no mark can be made is parked, and holds up no other", "[sync][pg][fold]") {
  const PgDatabase db;
  std::string table, values;
  SECTION("at once") {
    db.RunScript(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.memory_id IN (''m-13'', ''m-77'') THEN "
        "RAISE EXCEPTION ''not this one''; END IF; RETURN NEW; END';"
        "CREATE TRIGGER refuse BEFORE INSERT ON membridge.dirty FOR EACH ROW EXECUTE FUNCTION refuse()");
  }
  SECTION("when the transaction ends") {
    db.RunScript(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF NEW.memory_id IN (''m-13'', ''m-77'') THEN "
        "RAISE EXCEPTION ''not this one''; END IF; RETURN NEW; END';"
        "CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON membridge.events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
        "FUNCTION refuse()");
  }
  std::vector<Delivery> deliveries;
  for (int n = 0; n < 100; ++n) deliveries.push_back(DeliveryTelling(n, "ADD", {"m-" + std::to_string(n)}));
  StoreCounted(db, deliveries);
  CHECK(FoldAll(db) == 100);
  CHECK(db.Count("membridge.dirty") == 98);
  CHECK(db.Count("membridge.events") == 98);
  CHECK(db.Value("SELECT string_agg(memory_id, ' ' ORDER BY memory_id) FROM membridge.parked") == "m-13 m-77");
  CHECK(db.Value("SELECT cause FROM membridge.parked WHERE memory_id = 'm-13'") ==
        "delivery " + deliveries[13].id.Text() + " could not be turned into marks and events: not this one");
  CHECK(FoldAll(db) == 0);
}

TEST_CASE("what one delivery names by the thousand waits behind what others name", "[sync][pg][fold][M11]") {
  const PgDatabase db;
  std::vector<std::string> names;
  for (int n = 0; n < 20'000; ++n) names.push_back("bulk-" + std::to_string(n));
  StoreCounted(db, {DeliveryOf(1, names), DeliveryOf(2, {"honest-1"})});
  FoldAll(db);
  CHECK(db.Count("membridge.dirty") == 20'001);
  test::Mark(db, {"swept"}, "sweep");
  test::Mark(db, {"projected"}, "reproject");
  test::Mark(db, {"asked"}, "manual");
  StoreCounted(db, {DeliveryOf(3, {"honest-2", "bulk-7"})});
  FoldAll(db);
  std::vector<std::string> order;
  for (const sync::Claim& claim : test::ClaimAll(db)) order.push_back(claim.memory.Text());
  REQUIRE(order.size() == 20'005);
  const auto place = [&](const std::string& memory) { return std::find(order.begin(), order.end(), memory) - order.begin(); };
  CHECK(place("honest-1") < 3);
  CHECK(place("honest-2") < 3);
  CHECK(place("bulk-7") < 3);
  CHECK(place("swept") == 20'003);
  CHECK(place("projected") == 20'004);
}

}  // namespace membridge
