#include <algorithm>
#include <chrono>

#include "sync/inbox/delivery_log.hpp"
#include "sync/inbox/delivery_partitions.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "sync/queue/queue.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::DeliveriesStore;
using sync::Delivery;
using sync::DeliveryCount;
using sync::DeliveryFilter;
using sync::DeliveryPage;
using sync::DeliverySummary;
using sync::PostgresInbox;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::DeliveryOf;
using test::InTransaction;
using test::kCrm;
using test::PgDatabase;

const Instant kNine = *ParseRfc3339("2026-03-01T09:00:00Z");

void Accept(const PgDatabase& db, const std::vector<Delivery>& deliveries) {
  PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept(deliveries).has_value());
}

Result<DeliveryPage> ListDeliveryLog(const PgDatabase& db, const DeliveryFilter& filter, std::size_t limit = 100,
                                     const std::optional<std::string>& cursor = {}) {
  return InTransaction(db, [&](Transaction& transaction) { return DeliveriesStore{transaction}.List(filter, limit, cursor); });
}

// The numbers of the deliveries, as DeliveryOf was given them.
std::string Numbers(const DeliveryPage& page) {
  std::string numbers;
  for (const DeliverySummary& delivery : page.deliveries)
    numbers += std::to_string(std::stoi(delivery.id.Text().substr(24), nullptr, 16)) + " ";
  return numbers;
}

DeliveryCount Count(const PgDatabase& db, const DeliveryFilter& filter) {
  return InTransaction(db, [&](Transaction& transaction) { return DeliveriesStore{transaction}.Count(filter); });
}

std::size_t Replay(const PgDatabase& db, const DeliveryFilter& filter) {
  Session session = db.Session();
  return ReplayDeliveries(session, filter);
}

std::string Dirty(const PgDatabase& db) {
  return db.Value("SELECT string_agg(memory_id || ' ' || reason, ', ' ORDER BY memory_id) FROM membridge.dirty");
}

// Four deliveries, an hour between them; the third is of another project and could not be interpreted.
void AcceptFour(const PgDatabase& db) {
  std::vector<Delivery> four{DeliveryOf(1, {"m-1"}), DeliveryOf(2, {"m-1", "m-2"}), DeliveryOf(3, {}), DeliveryOf(4, {"m-3"})};
  for (std::size_t i = 0; i < four.size(); ++i) four[i] = test::At(kNine + i * 1h, four[i]);
  four[2].project = ProjectId{"shop"};
  four[2].verdict = "unknown_shape";
  Accept(db, four);
  test::FoldAll(db);
  db.Run("TRUNCATE membridge.dirty");
}

}  // namespace

TEST_CASE("deliveries are found by project, memory, verdict, time and id", "[sync][pg]") {
  const PgDatabase db;
  AcceptFour(db);
  struct Case {
    DeliveryFilter filter;
    std::string found;
  };
  const auto [filter, found] = GENERATE(values<Case>({
      {DeliveryFilter{}, "4 3 2 1 "},
      {DeliveryFilter{.project = kCrm}, "4 2 1 "},
      {DeliveryFilter{.project = ProjectId{"none"}}, ""},
      {DeliveryFilter{.memory = MemoryId{"m-1"}}, "2 1 "},
      {DeliveryFilter{.memory = MemoryId{"m-2"}}, "2 "},
      {DeliveryFilter{.memory = MemoryId{std::string("m-2\0", 4)}}, ""},
      {DeliveryFilter{.verdict = "unknown_shape"}, "3 "},
      {DeliveryFilter{.since = kNine + 1h}, "4 3 2 "},
      {DeliveryFilter{.until = kNine + 1h}, "1 "},
      {DeliveryFilter{.project = kCrm, .memory = MemoryId{"m-1"}, .verdict = "accepted", .since = kNine, .until = kNine + 2h},
       "2 1 "},
      {DeliveryFilter{.id = test::At(kNine + 1h, DeliveryOf(2, {})).id}, "2 "},
      {DeliveryFilter{.id = DeliveryId{"019CA8A0-3E80-7000-8000-00000000000" + std::string{"1"}}}, "1 "},
      {DeliveryFilter{.id = DeliveryId{"m-2"}}, ""},
      {DeliveryFilter{.id = DeliveryOf(9, {}).id}, ""},
  }));
  const Result<DeliveryPage> page = ListDeliveryLog(db, filter);
  REQUIRE(page.has_value());
  CHECK(Numbers(*page) == found);
  CHECK_FALSE(page->next.has_value());
  CHECK(Count(db, filter).deliveries == static_cast<std::size_t>(std::ranges::count(found, ' ')));
}

TEST_CASE("a listed delivery says everything but what is in it", "[sync][pg]") {
  const PgDatabase db;
  Delivery delivery = DeliveryOf(1, {"m-1", "say \"hi\""});
  delivery.source_address = "203.0.113.7";
  delivery.token_id = "t-1";
  delivery.body = std::string(3000, 'x');
  Accept(db, {delivery});
  const Result<DeliveryPage> page = ListDeliveryLog(db, {});
  REQUIRE(page.has_value());
  REQUIRE(page->deliveries.size() == 1);
  const DeliverySummary& summary = page->deliveries[0];
  CHECK(summary.id == delivery.id);
  CHECK(summary.project == kCrm);
  CHECK(summary.received_at == kNine);
  CHECK(summary.verdict == "accepted");
  CHECK(summary.source_address == "203.0.113.7");
  CHECK(summary.token_id == "t-1");
  CHECK(summary.memories == delivery.memories);
  CHECK(summary.body_bytes == 3000);
}

namespace {

/// What became of the deliveries, by number from 1 on.
std::string Outcomes(const PgDatabase& db, const DeliveryFilter& filter = {}) {
  const Result<DeliveryPage> page = ListDeliveryLog(db, filter);
  REQUIRE(page.has_value());
  std::string all;
  for (auto delivery = page->deliveries.rbegin(); delivery != page->deliveries.rend(); ++delivery)
    all += delivery->outcome + (delivery->read_at ? " read, " : ", ");
  return all;
}

/// The mirror's row of a memory, read a minute after the first delivery.
void Mirror(const PgDatabase& db, const MemoryId& memory, const std::string& columns = "waits",
            const std::string& values = "false", Instant read_at = kNine + 1min) {
  db.Run("INSERT INTO membridge.memories (bucket, project, memory_id, read_at, " + columns +
             ") VALUES ($1::smallint, $2, $3, $4::timestamptz, " + values + ")",
         {std::to_string(sync::BucketOf(kCrm, memory)), kCrm.Text(), memory.Text(), FormatRfc3339(read_at)});
}

void Parked(const PgDatabase& db, const MemoryId& memory) {
  db.Run("INSERT INTO membridge.parked (project, memory_id, mapping, code, cause) VALUES ($1, $2, 'people', 'refused', 'it is')",
         {kCrm.Text(), memory.Text()});
}

}  // namespace

TEST_CASE("a listed delivery says what has become of it", "[sync][pg]") {
  const PgDatabase db;
  Accept(db, {test::At(kNine, DeliveryOf(1, {"m-1"})), test::At(kNine, DeliveryOf(2, {}))});
  CHECK(Outcomes(db) == "received, nothing, ");
  test::FoldAll(db);
  CHECK(Outcomes(db) == "waiting, nothing, ");
  db.Run("UPDATE membridge.dirty SET blocked_since = now()");
  CHECK(Outcomes(db) == "blocked, nothing, ");
  Parked(db, MemoryId{"m-1"});
  CHECK(Outcomes(db) == "parked, nothing, ");
  db.Run("TRUNCATE membridge.dirty");
  CHECK(Outcomes(db) == "parked, nothing, ");
  db.Run("TRUNCATE membridge.parked");
  CHECK(Outcomes(db) == "left_out, nothing, ");
  SECTION("applied") {
    Mirror(db, MemoryId{"m-1"});
    CHECK(Outcomes(db) == "applied read, nothing, ");
    CHECK(Outcomes(db, {.outcome = "applied"}) == "applied read, ");
    CHECK(Outcomes(db, {.outcome = "nothing"}) == "nothing, ");
    CHECK(Outcomes(db, {.outcome = "parked"}).empty());
    CHECK(Count(db, {.outcome = "applied"}).deliveries == 1);
    CHECK(Replay(db, {.outcome = "nothing"}) == 0);
    CHECK(Replay(db, {.outcome = "applied"}) == 1);
    CHECK(Outcomes(db) == "waiting read, nothing, ");
  }
  SECTION("unchanged") {
    Mirror(db, MemoryId{"m-1"}, "changes", "ARRAY[tstzrange(NULL, '2026-03-01', '(]')]");
    CHECK(Outcomes(db) == "unchanged read, nothing, ");
    CHECK(Count(db, {.outcome = "unchanged"}).deliveries == 1);
    CHECK(Count(db, {.outcome = "applied"}).deliveries == 0);
  }
  SECTION("but for a row that is missing") {
    Mirror(db, MemoryId{"m-1"}, "waits", "true");
    CHECK(Outcomes(db) == "incomplete read, nothing, ");
  }
  SECTION("withdrawn") {
    Mirror(db, MemoryId{"m-1"}, "gone_at", "now()");
    CHECK(Outcomes(db) == "withdrawn read, nothing, ");
  }
  SECTION("read before it was delivered, and found to be final since") {
    Mirror(db, MemoryId{"m-1"}, "waits", "false", kNine - 1min);
    CHECK(Outcomes(db) == "applied, nothing, ");
  }
}

TEST_CASE("of several memories the one that needs somebody first tells what became of their delivery", "[sync][pg]") {
  const PgDatabase db;
  Accept(db, {test::At(kNine, DeliveryOf(1, {"m-1", "m-2", "m-3"}))});
  test::FoldAll(db);
  const auto done = [&](const char* memory) {
    Mirror(db, MemoryId{memory});
    db.Run("DELETE FROM membridge.dirty WHERE memory_id = $1", {memory});
  };
  done("m-1");
  CHECK(Outcomes(db) == "waiting, ");
  done("m-2");
  Parked(db, MemoryId{"m-2"});
  CHECK(Outcomes(db) == "parked, ");
  db.Run("TRUNCATE membridge.parked");
  Mirror(db, MemoryId{"m-3"}, "gone_at", "now()");
  db.Run("TRUNCATE membridge.dirty");
  CHECK(Outcomes(db) == "applied read, ");
}

TEST_CASE("a delivery is shown by its id however that is written, and by no other text", "[sync][pg]") {
  const PgDatabase db;
  AcceptFour(db);
  const auto show = [&](const std::string& id) {
    return InTransaction(db, [&](Transaction& transaction) { return DeliveriesStore{transaction}.Show(DeliveryId{id}); });
  };
  REQUIRE(show("019ca8a0-3e80-7000-8000-000000000001").has_value());
  CHECK(show("019CA8A0-3E80-7000-8000-000000000001")->body == "{\"n\":1}");
  CHECK_FALSE(show("019ca8a0-3e80-7000-8000-000000000009").has_value());
  for (const char* text : {"", "2", "019c0000000070008000000000000002", "019c0000-0000-7000-8000-00000000000g",
                           "{19c0000-0000-7000-8000-000000000002"}) {
    CHECK_FALSE(show(text).has_value());
  }
}

TEST_CASE("pages of deliveries follow one another while more arrive", "[sync][pg]") {
  const PgDatabase db;
  // Of several days; deliveries of the same microsecond are told apart by their ids.
  std::vector<Delivery> deliveries;
  for (int n = 1; n <= 10; ++n) {
    deliveries.push_back(DeliveryOf(n, {}));
    deliveries.back().received_at += n / 2 * 13h;
  }
  Accept(db, deliveries);
  CHECK(db.Value("SELECT count(DISTINCT tableoid) > 2 FROM membridge.deliveries") == "t");
  std::string seen;
  std::optional<std::string> cursor;
  int pages = 0;
  do {
    const Result<DeliveryPage> page = ListDeliveryLog(db, {}, 3, cursor);
    REQUIRE(page.has_value());
    seen += Numbers(*page);
    cursor = page->next;
    Delivery later = DeliveryOf(100 + pages, {});
    later.received_at += 240h;
    Accept(db, {later});
    REQUIRE(++pages <= 4);
  } while (cursor);
  CHECK(seen == "10 9 8 7 6 5 4 3 2 1 ");
}

TEST_CASE("a cursor that is not of this list is refused", "[sync][pg]") {
  const PgDatabase db;
  const std::string id = "019c0000-0000-7000-8000-000000000002";
  for (const std::string& cursor : {std::string{}, std::string{"."}, "x." + id, "-1." + id, "99999999999999999999." + id,
                                    "253402300800000000." + id, "1 ." + id, std::string{"1.2"}, "1." + id + "'", id}) {
    CAPTURE(cursor);
    const Result<DeliveryPage> page = ListDeliveryLog(db, {}, 3, cursor);
    REQUIRE_FALSE(page.has_value());
    CHECK(page.error().code == ErrorCode::kRefused);
  }
  CHECK(ListDeliveryLog(db, {}, 3, "0." + id).has_value());
}

TEST_CASE("a delivery that was stored twice is one in every list", "[sync][pg]") {
  const PgDatabase db;
  const Delivery twice = DeliveryOf(1, {"m-1"});
  Accept(db, {twice, DeliveryOf(2, {"m-2"})});
  Accept(db, {twice});
  REQUIRE(db.Count("membridge.deliveries") == 3);
  CHECK(Numbers(*ListDeliveryLog(db, {})) == "2 1 ");
  CHECK(Numbers(*ListDeliveryLog(db, {.id = twice.id})) == "1 ");
  CHECK(Count(db, {}).deliveries == 2);
  const Result<DeliveryPage> page = ListDeliveryLog(db, {}, 1);
  CHECK(Numbers(*ListDeliveryLog(db, {}, 1, page->next)) == "1 ");
}

TEST_CASE("a replay marks the memories of the deliveries it counted", "[sync][pg]") {
  const PgDatabase db;
  AcceptFour(db);
  const DeliveryFilter filter{.memory = MemoryId{"m-1"}};
  const DeliveryCount count = Count(db, filter);
  CHECK(count.deliveries == 2);
  CHECK(count.memories == 2);
  CHECK(Replay(db, filter) == 2);
  CHECK(Dirty(db) == "m-1 manual, m-2 manual");
  CHECK(Replay(db, {.verdict = "unknown_shape"}) == 0);
  CHECK(Replay(db, {.id = test::At(kNine + 3h, DeliveryOf(4, {})).id}) == 1);
  CHECK(Dirty(db) == "m-1 manual, m-2 manual, m-3 manual");
}

TEST_CASE("a list of the newest deliveries reads no more than its page", "[sync][pg]") {
  const PgDatabase db;
  std::vector<Delivery> deliveries;
  for (int n = 0; n < 20'000; ++n) {
    deliveries.push_back(DeliveryOf(n, {"m-" + std::to_string(n)}));
    deliveries.back().received_at += n * 1s;  // until half past two in the afternoon
  }
  Accept(db, deliveries);
  // The day is over: it has its index by memory.
  Session housekeeping = db.Session();
  CHECK(sync::IndexPastDays(housekeeping, *ParseDay("2026-03-02")).size() == 1);
  CHECK(sync::IndexPastDays(housekeeping, *ParseDay("2026-03-02")).empty());
  db.Run("VACUUM ANALYZE membridge.deliveries");
  const auto rows_read = [&](const DeliveryFilter& filter, const std::optional<std::string>& cursor) {
    Session session = db.Session();
    Transaction transaction = session.Begin();
    const Result<DeliveryPage> page = DeliveriesStore{transaction}.List(filter, 50, cursor);
    REQUIRE(page.has_value());
    CHECK(page->deliveries.size() == (filter.memory ? 1 : 50));
    return transaction
        .Run("SELECT sum(seq_tup_read) + sum(idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname LIKE 'deliveries%'")
        .Int(0, 0);
  };
  const std::optional<std::string> cursor = ListDeliveryLog(db, {}, 5000 /* 1000 at most */)->next;
  CHECK(rows_read({}, std::nullopt) <= 60);
  CHECK(rows_read({}, cursor) <= 60);
  CHECK(rows_read({.project = kCrm}, cursor) <= 60);
  CHECK(rows_read({.memory = MemoryId{"m-77"}}, std::nullopt) <= 10);
}

}  // namespace membridge
