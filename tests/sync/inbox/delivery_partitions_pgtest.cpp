#include <atomic>
#include <thread>

#include "sync/inbox/delivery_partitions.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres.hpp"
#include "tests/sync/inbox/delivering.hpp"

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
  return EnsurePartitions(session, DayOf(today), days_ahead);
}

Names Drop(const PgDatabase& db, const char* first_kept) {
  Session session = db.Session();
  return DropPartitionsBefore(session, DayOf(first_kept));
}

constexpr const char* kInsertAt =
    "INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, buckets, told, body) "
    "VALUES (gen_random_uuid(), $1, 'crm', 'accepted', '127.0.0.1', '', '{}', '{m-1}', '{1}', '{ADD}', '')";

void Deliver(const PgDatabase& db, const std::string& when) {
  db.Run(kInsertAt, {when});
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
  CHECK(db.Count("pg_class WHERE relname LIKE 'deliveries_2026____' AND relreplident = 'f'") == 4);
  CHECK(db.Count("pg_indexes WHERE tablename = 'deliveries_20260301'") == 2);
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
            session.Run(kInsertAt, {"2026-03-02 10:00+00"});
            ++stored;
          } catch (const SqlFailure& failure) {
            // As the contract says: nobody has made its partition yet.
            if (failure.fields().sqlstate != "23514") throw;
          }
        }
      });
    }
  }
  CHECK(made == 6);
  CHECK(db.Count("membridge.deliveries") == stored);
}

TEST_CASE("making partitions and indexes waits for no delivery on its way, nor the other way round",
          "[sync][pg][deliveries][T1]") {
  const PgDatabase db;
  Ensure(db, "2026-03-01", 0);
  Session inserting = db.Session();
  Transaction transaction = inserting.Begin();
  transaction.Run(kInsertAt, {"2026-03-01 10:00+00"});
  CHECK(Ensure(db, "2026-03-01", 2).size() == 2);
  Session making = db.Session();
  Transaction open = making.Begin();
  open.Run("CREATE TABLE membridge.aside (LIKE membridge.deliveries INCLUDING ALL)");
  open.Run(
      "ALTER TABLE membridge.deliveries ATTACH PARTITION membridge.aside FOR VALUES FROM ('2027-01-01Z') TO ('2027-01-02Z')");
  transaction.Run("SET LOCAL lock_timeout TO '1s'");
  transaction.Run(kInsertAt, {"2026-03-02 10:00+00"});
}

TEST_CASE("what is older than the retention goes, but never before it is folded", "[sync][pg][deliveries]") {
  const PgDatabase db;
  Ensure(db, "2026-02-27", 3);
  test::FoldAll(db);
  Deliver(db, "2026-02-28 10:00+00");
  Deliver(db, "2026-03-01 10:00+00");
  CHECK(Drop(db, "2026-03-01") == Names{"deliveries_20260227"});
  test::FoldAll(db);
  CHECK(Drop(db, "2026-03-01") == Names{"deliveries_20260228"});
  CHECK(Drop(db, "2026-03-01").empty());
  CHECK(db.Count("membridge.deliveries") == 1);
  // In a copy everything kept is folded anew: nothing goes before that.
  Deliver(db, "2026-03-01 11:00+00");
  db.Run("UPDATE membridge.fold SET anew_after = '-infinity', anew_id = '00000000-0000-0000-0000-000000000000'");
  CHECK(Drop(db, "2026-03-02").empty());
  test::FoldAll(db);
  CHECK(Drop(db, "2026-03-02") == Names{"deliveries_20260301"});
}

TEST_CASE("a partition that somebody stores in while it is dropped is kept, and one left half gone is dropped",
          "[sync][pg][deliveries]") {
  const PgDatabase db;
  Ensure(db, "2026-02-27", 1);
  test::FoldAll(db);
  std::jthread housekeeping;
  std::atomic<bool> finished = false;
  {
    Session inserting = db.Session();
    Transaction transaction = inserting.Begin();
    transaction.Run(kInsertAt, {"2026-02-27 10:00+00"});
    housekeeping = std::jthread([&] {
      CHECK(Drop(db, "2026-02-28").empty());
      finished = true;
    });
    REQUIRE(test::Eventually([&] { return db.Count("pg_inherits WHERE inhdetachpending") == 1; }));
    // Others go on storing meanwhile.
    Deliver(db, "2026-02-28 10:00+00");
    CHECK_FALSE(finished);
    transaction.Commit();
  }
  housekeeping.join();
  CHECK(PartitionOf(db, "2026-02-27 10:00+00") == "membridge.deliveries_20260227");
  test::FoldAll(db);
  // Somebody was stopped between detaching and dropping.
  db.Run("ALTER TABLE membridge.deliveries DETACH PARTITION membridge.deliveries_20260227");
  CHECK(Drop(db, "2026-02-28") == Names{"deliveries_20260227"});
  CHECK(db.Count("pg_class WHERE relname = 'deliveries_20260227'") == 0);
}

}  // namespace membridge
