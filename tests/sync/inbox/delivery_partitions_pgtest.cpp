#include <atomic>
#include <thread>

#include "sync/inbox/delivery_partitions.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres.hpp"

namespace membridge {
namespace {

using sync::DropPartitionsBefore;
using sync::EnsurePartitions;
using sync::postgres::Session;
using sync::postgres::SqlFailure;
using sync::postgres::Transaction;
using test::PgDatabase;
using Names = std::vector<std::string>;

Day DayOf(const char* text) {
  return ParseDay(text).value();
}

Names Ensure(const PgDatabase& db, const char* today, int days_ahead) {
  Session session = db.Session();
  Transaction transaction = session.Begin();
  Names made = EnsurePartitions(transaction, DayOf(today), days_ahead);
  transaction.Commit();
  return made;
}

Names Drop(const PgDatabase& db, const char* first_kept) {
  Session session = db.Session();
  Transaction transaction = session.Begin();
  Names dropped = DropPartitionsBefore(transaction, DayOf(first_kept));
  transaction.Commit();
  return dropped;
}

constexpr const char* kInsert =
    "INSERT INTO membridge.deliveries (bucket, id, received_at, project, verdict, source, token, headers, memories, body) "
    "VALUES (0, gen_random_uuid(), $1, 'crm', 'accepted', '127.0.0.1', '', '{}', '{}', '')";

void Deliver(const PgDatabase& db, const std::string& when) {
  db.Run(kInsert, {when});
}

std::string PartitionOf(const PgDatabase& db, const std::string& when) {
  return db.Value("SELECT string_agg(tableoid::regclass::text, ', ') FROM membridge.deliveries WHERE received_at = $1", {when});
}

}  // namespace

TEST_CASE("every day gets a partition of its own, in UTC, once", "[sync][pg][deliveries]") {
  const PgDatabase db;
  CHECK(Ensure(db, "2026-02-27", 2) == Names{"deliveries_20260227", "deliveries_20260228", "deliveries_20260301"});
  CHECK(Ensure(db, "2026-02-27", 2).empty());
  CHECK(Ensure(db, "2026-02-28", 2) == Names{"deliveries_20260302"});
  Deliver(db, "2026-02-28 23:59:59.999999+00");
  Deliver(db, "2026-03-01 00:00:00+00");
  CHECK(PartitionOf(db, "2026-02-28 23:59:59.999999+00") == "membridge.deliveries_20260228");
  CHECK(PartitionOf(db, "2026-03-01 00:00:00+00") == "membridge.deliveries_20260301");
  CHECK(db.Count("membridge.deliveries_default") == 0);
  CHECK(db.Count("pg_indexes WHERE tablename = 'deliveries_20260301'") == db.Count("pg_indexes WHERE tablename = 'deliveries'"));
}

TEST_CASE("deliveries that came before their partition are moved into it, whichever day they are of", "[sync][pg][deliveries]") {
  const PgDatabase db;
  Deliver(db, "2026-03-01 10:00+00");
  Deliver(db, "2026-03-01 11:00+00");
  Deliver(db, "2026-02-10 10:00+00");
  CHECK(Ensure(db, "2026-03-01", 0) == Names{"deliveries_20260210", "deliveries_20260301"});
  CHECK(PartitionOf(db, "2026-03-01 10:00+00") == "membridge.deliveries_20260301");
  CHECK(PartitionOf(db, "2026-02-10 10:00+00") == "membridge.deliveries_20260210");
  CHECK(db.Count("membridge.deliveries_default") == 0);
  CHECK(db.Count("membridge.deliveries") == 3);
}

TEST_CASE("a delivery on its way into the default partition is waited for and moved", "[sync][pg][deliveries]") {
  const PgDatabase db;
  Session inserting = db.Session();
  std::jthread housekeeping;
  {
    Transaction transaction = inserting.Begin();
    transaction.Run(kInsert, {"2026-03-01 10:00+00"});
    housekeeping = std::jthread([&] { Ensure(db, "2026-03-01", 0); });
    REQUIRE(test::Eventually(
        [&] { return db.Count("pg_locks WHERE NOT granted AND relation = 'membridge.deliveries_default'::regclass") > 0; }));
    transaction.Commit();
  }
  housekeeping.join();
  CHECK(PartitionOf(db, "2026-03-01 10:00+00") == "membridge.deliveries_20260301");
}

TEST_CASE("many processes may keep house while deliveries arrive", "[sync][pg][deliveries]") {
  const PgDatabase db;
  std::atomic<std::size_t> made{0};
  std::atomic<int> stored{0};
  {
    std::vector<std::jthread> processes;
    for (int i = 0; i < 4; ++i) {
      processes.emplace_back([&] { made += Ensure(db, "2026-03-01", 5).size(); });
      processes.emplace_back([&] {
        Session session = db.Session();
        for (int n = 0; n < 50; ++n) {
          try {
            session.Run(kInsert, {"2026-03-02 10:00+00"});
            ++stored;
          } catch (const SqlFailure& failure) {
            // As the contract says: its partition was made this very moment.
            if (failure.fields().sqlstate != "23514") throw;
          }
        }
      });
    }
  }
  CHECK(made == 6);
  CHECK(stored > 0);
  CHECK(db.Count("membridge.deliveries") == stored);
  CHECK(db.Count("membridge.deliveries_default") == 0);
}

TEST_CASE("what is older than the retention goes, by partition and from the default one", "[sync][pg][deliveries]") {
  const PgDatabase db;
  Ensure(db, "2026-02-27", 3);
  Deliver(db, "2026-02-28 10:00+00");
  Deliver(db, "2026-03-01 10:00+00");
  Deliver(db, "2026-01-05 10:00+00");
  Deliver(db, "2026-05-01 10:00+00");
  CHECK(Drop(db, "2026-03-01") == Names{"deliveries_20260227", "deliveries_20260228"});
  CHECK(Drop(db, "2026-03-01").empty());
  CHECK(db.Count("membridge.deliveries") == 2);
  CHECK(db.Count("membridge.deliveries WHERE received_at < '2026-03-01'") == 0);
}

TEST_CASE("housekeeping does not wait long for a reader, so that deliveries do not wait behind it", "[sync][pg][deliveries]") {
  const PgDatabase db;
  Ensure(db, "2026-02-27", 0);
  Session reader = db.Session();
  Transaction reading = reader.Begin();
  reading.Run("SELECT count(*) FROM membridge.deliveries");
  Session session = db.Session();
  Transaction transaction = session.Begin();
  try {
    DropPartitionsBefore(transaction, DayOf("2026-03-01"));
    FAIL("it dropped a partition that is being read");
  } catch (const SqlFailure& failure) {
    CHECK(failure.fields().sqlstate == "55P03");
    CHECK(failure.IsTransient());
  }
}

}  // namespace membridge
