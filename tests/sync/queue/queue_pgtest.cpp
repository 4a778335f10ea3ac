#include <algorithm>
#include <chrono>
#include <set>

#include "sync/queue/queue.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::Claim;
using sync::Queue;
using sync::Settlement;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::ClaimAll;
using test::ClaimOne;
using test::InTransaction;
using test::kCrm;
using test::Mark;
using test::PgDatabase;
using test::Settle;

std::string ColumnQueue(const PgDatabase& db, const std::string& expression, const std::string& memory = "m-1") {
  return db.Value("SELECT " + expression + " FROM membridge.dirty WHERE memory_id = $1", {memory});
}

std::set<std::string> Memories(const std::vector<Claim>& claims) {
  std::set<std::string> memories;
  for (const Claim& claim : claims) memories.insert(claim.memory.Text());
  return memories;
}

std::vector<Claim> StillOurs(const PgDatabase& db, const std::vector<Claim>& claims) {
  return InTransaction(db, [&](Transaction& transaction) { return Queue{transaction}.StillOurs(claims); });
}

std::optional<std::chrono::milliseconds> NextDue(const PgDatabase& db) {
  return InTransaction(db, [](Transaction& transaction) { return Queue{transaction}.NextDue(); });
}

std::vector<int> DueBuckets(const PgDatabase& db) {
  std::vector<int> buckets;
  InTransaction(db, [&](Transaction& transaction) {
    for (const sync::DueBucket& due : Queue{transaction}.DueBuckets()) buckets.push_back(due.bucket);
  });
  return buckets;
}

void EndLeases(const PgDatabase& db) {
  db.Run(
      "UPDATE membridge.dirty SET claimed_until = statement_timestamp() - interval '1 second' WHERE claimed_until IS NOT NULL");
}

Settlement Outcome(Settlement::Kind kind, std::chrono::milliseconds due_in, bool absent = false, std::string error = {}) {
  return {.kind = kind, .due_in = due_in, .absent = absent, .error = std::move(error)};
}

const Settlement kQueueDone{};
const Settlement kBackOff = Outcome(Settlement::Kind::kRetry, 1h, false, "Mem0 answered 503");
const Settlement kLookAgain = Outcome(Settlement::Kind::kLookAgain, 1h);
const Settlement kAbsent = Outcome(Settlement::Kind::kLookAgain, 1h, true);

}  // namespace

TEST_CASE("a memory's bucket never changes, for it is in every key", "[sync]") {
  CHECK(sync::BucketOf(kCrm, MemoryId{"m-1"}) == 42);
  CHECK(sync::BucketOf(kCrm, MemoryId{"0e1d8e6c-7c1b-4b43-9a35-2f0f5f0a7a11"}) == 5);
  CHECK(sync::BucketOf(kCrm, MemoryId{"ü"}) == 26);
  CHECK(sync::BucketOf(ProjectId{"a"}, MemoryId{"bc"}) == 35);
  CHECK(sync::BucketOf(ProjectId{"ab"}, MemoryId{"c"}) == 39);
}

TEST_CASE("a claim takes from many buckets at once, no more than there is room for, and locks nothing else", "[sync][pg]") {
  const PgDatabase db;
  std::vector<std::string> memories;
  for (int i = 0; i < 100; ++i) memories.push_back("m-" + std::to_string(i));
  Mark(db, memories);
  Session session = db.Session();
  Transaction transaction = session.Begin();
  Queue queue{transaction};
  std::vector<sync::DueBucket> due = queue.DueBuckets();
  REQUIRE(due.size() > 10);
  const int last = due.back().bucket;
  due.pop_back();
  const std::vector<Claim> some = queue.ClaimDue(due, 30, 60s);
  CHECK(Memories(some).size() == 30);
  CHECK(std::ranges::none_of(some, [&](const Claim& claim) { return claim.bucket == last; }));
  for (const Claim& claim : some) CHECK(claim.bucket == sync::BucketOf(claim.project, claim.memory));
  CHECK(queue.ClaimDue({}, 30, 60s).empty());
  CHECK(queue.ClaimDue(due, 0, 60s).empty());
  const std::vector<Claim> others = ClaimAll(db);
  CHECK(others.size() == 70);
  transaction.Commit();
  CHECK(ClaimAll(db).empty());
}

TEST_CASE("any number of marks of a memory are one row whose generation moves on", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1", "m-2", "m-1"});
  Mark(db, {"m-1"});
  CHECK(db.Count("membridge.dirty") == 2);
  CHECK(ColumnQueue(db, "generation") == "2");
  CHECK(ColumnQueue(db, "generation", "m-2") == "1");
  Mark(db, {});
  CHECK(db.Count("membridge.dirty") == 2);
}

TEST_CASE("the same memory id in two projects is two memories", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  InTransaction(db, [](Transaction& transaction) { Queue{transaction}.Mark(ProjectId{"shop"}, {MemoryId{"m-1"}}, "sweep"); });
  const std::vector<Claim> claims = ClaimAll(db);
  REQUIRE(claims.size() == 2);
  CHECK(claims[0].project != claims[1].project);
}

TEST_CASE("a claim says what it found and hides the memory until it is settled", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"}, "sweep");
  Mark(db, {"m-1"}, "sweep");
  const Claim claim = ClaimOne(db);
  CHECK(claim.project == kCrm);
  CHECK(claim.memory.Text() == "m-1");
  CHECK(claim.bucket == sync::BucketOf(kCrm, claim.memory));
  CHECK(claim.generation == 2);
  CHECK(claim.fence > 0);
  CHECK(claim.attempts == 0);
  CHECK(claim.reason == "sweep");
  CHECK_FALSE(claim.absent_since.has_value());
  CHECK(FormatRfc3339(claim.marked_at) == ColumnQueue(db, "to_char(marked_at, 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"));
  CHECK(claim.claimed_at >= claim.marked_at);
  CHECK(ClaimAll(db).empty());
  CHECK(DueBuckets(db).empty());

  Settle(db, claim, kQueueDone);
  CHECK(db.Count("membridge.dirty") == 0);
}

TEST_CASE("a claim that is not committed never was", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  {
    Session session = db.Session();
    Transaction transaction = session.Begin();
    REQUIRE(Queue{transaction}.ClaimDue({sync::DueBucket{sync::BucketOf(kCrm, MemoryId{"m-1"})}}, 10, 60s).size() == 1);
    // The row is locked meanwhile: stepped over, not waited for.
    CHECK(ClaimAll(db).empty());
  }
  CHECK(ClaimAll(db).size() == 1);
}

TEST_CASE("the oldest due memories of a bucket are claimed first, and no more than asked", "[sync][pg]") {
  const PgDatabase db;
  db.Run(
      "INSERT INTO membridge.dirty (bucket, project, memory_id, reason, due_at) "
      "SELECT 7, 'crm', 'm-' || n, 'delivery', statement_timestamp() - n * interval '1 minute' FROM generate_series(-3, 8) AS n");
  const std::vector<Claim> claims =
      InTransaction(db, [](Transaction& transaction) { return Queue{transaction}.ClaimDue({sync::DueBucket{7}}, 3, 60s); });
  REQUIRE(claims.size() == 3);
  CHECK(claims[0].memory.Text() == "m-8");
  CHECK(claims[1].memory.Text() == "m-7");
  CHECK(claims[2].memory.Text() == "m-6");
  // Those from -3 to -1 are not due yet.
  CHECK(ClaimAll(db).size() == 6);
}

TEST_CASE("a delivery during a claim leaves the memory dirty and due, as old as it was", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  const std::string first_marked = ColumnQueue(db, "first_marked");
  Mark(db, {"m-1"});
  CHECK(ClaimAll(db).empty());
  Settle(db, claim, kQueueDone);
  CHECK(ColumnQueue(db, "first_marked") == first_marked);
  CHECK(ColumnQueue(db, "attempts") == "0");
  const Claim again = ClaimOne(db);
  CHECK(again.generation == claim.generation + 1);
  CHECK(again.fence > claim.fence);
  Settle(db, again, kQueueDone);
  CHECK(db.Count("membridge.dirty") == 0);
}

TEST_CASE("who lost the lease to another worker can neither write nor settle", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1", "m-2"});
  const std::vector<Claim> slow = ClaimAll(db);
  REQUIRE(slow.size() == 2);
  // The lease of one of them ran out and somebody else took it.
  db.Run("UPDATE membridge.dirty SET claimed_until = statement_timestamp() - interval '1 second' WHERE memory_id = 'm-1'");
  const Claim quick = ClaimOne(db);
  CHECK(quick.memory.Text() == "m-1");
  CHECK(quick.fence > slow[0].fence);
  CHECK(quick.fence > slow[1].fence);

  CHECK(Memories(StillOurs(db, slow)) == std::set<std::string>{"m-2"});
  InTransaction(db, [&](Transaction& transaction) { Queue{transaction}.Settle({{slow[0], kQueueDone}, {slow[1], kQueueDone}}); });
  CHECK(Memories(StillOurs(db, {quick})) == std::set<std::string>{"m-1"});
  CHECK(db.Count("membridge.dirty") == 1);
  Settle(db, slow[slow[0].memory.Text() == "m-1" ? 0 : 1], kBackOff);
  CHECK(ColumnQueue(db, "attempts") == "0");
  Settle(db, quick, kQueueDone);
  CHECK(db.Count("membridge.dirty") == 0);
}

TEST_CASE("a lease that ran out is still ours while nobody else took it", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  EndLeases(db);
  Session session = db.Session();
  Transaction transaction = session.Begin();
  REQUIRE(Queue{transaction}.StillOurs({claim}).size() == 1);
  // Asked for and locked: nobody can take it before we commit.
  CHECK(ClaimAll(db).empty());
  Queue{transaction}.Settle({{claim, kQueueDone}});
  transaction.Commit();
  CHECK(db.Count("membridge.dirty") == 0);
}

TEST_CASE("claims come back from StillOurs in the order they were asked in", "[sync][pg]") {
  const PgDatabase db;
  std::vector<std::string> names;
  for (int n = 0; n < 200; ++n) names.push_back("m-" + std::to_string(n * 7919 % 1000));
  Mark(db, names);
  const std::vector<Claim> claims = ClaimAll(db);
  REQUIRE(claims.size() == 200);
  const std::vector<Claim> ours = StillOurs(db, claims);
  REQUIRE(ours.size() == 200);
  for (std::size_t i = 0; i < claims.size(); ++i) CHECK(ours[i].memory == claims[i].memory);
}

TEST_CASE("a settled claim is not ours any more, even of a memory marked again", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  Settle(db, claim, kQueueDone);
  Mark(db, {"m-1"});
  CHECK(StillOurs(db, {claim}).empty());
  Settle(db, claim, kQueueDone);
  CHECK(db.Count("membridge.dirty") == 1);
}

TEST_CASE("a failure waits and counts, and deliveries do not shorten the wait", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  Settle(db, ClaimOne(db), kBackOff);
  CHECK(ColumnQueue(db, "attempts") == "1");
  CHECK(ColumnQueue(db, "last_error") == "Mem0 answered 503");
  CHECK(ColumnQueue(db, "due_at > statement_timestamp() + interval '59 minutes'") == "t");
  Mark(db, {"m-1"});
  Mark(db, {"m-1"}, "sweep");
  CHECK(ClaimAll(db).empty());
  CHECK(ColumnQueue(db, "generation") == "3");

  SECTION("a person who asks need not wait") {
    Mark(db, {"m-1"}, "manual");
    CHECK(ClaimOne(db).attempts == 1);
  }
  SECTION("the next failure counts on, success forgets") {
    db.Run("UPDATE membridge.dirty SET due_at = statement_timestamp()");
    Settle(db, ClaimOne(db), kBackOff);
    CHECK(ColumnQueue(db, "attempts") == "2");
    db.Run("UPDATE membridge.dirty SET due_at = statement_timestamp()");
    Settle(db, ClaimOne(db), kLookAgain);
    CHECK(ColumnQueue(db, "attempts") == "0");
    CHECK(ColumnQueue(db, "last_error IS NULL") == "t");
  }
  SECTION("a delivery during the claim that fails does not shorten the wait either") {
    db.Run("UPDATE membridge.dirty SET due_at = statement_timestamp()");
    const Claim claim = ClaimOne(db);
    Mark(db, {"m-1"});
    Settle(db, claim, kBackOff);
    CHECK(ClaimAll(db).empty());
  }
}

TEST_CASE("looking again waits, unless something new is said", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  SECTION("nothing new") {
    Settle(db, claim, kLookAgain);
    CHECK(ClaimAll(db).empty());
    CHECK(ColumnQueue(db, "due_at > statement_timestamp() + interval '59 minutes'") == "t");
    SECTION("a delivery afterwards makes it due") {
      Mark(db, {"m-1"});
      CHECK(ClaimAll(db).size() == 1);
    }
  }
  SECTION("a delivery meanwhile makes it due") {
    Mark(db, {"m-1"});
    Settle(db, claim, kLookAgain);
    CHECK(ClaimAll(db).size() == 1);
  }
}

TEST_CASE("how long a memory has been absent is remembered until it is seen", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  Settle(db, ClaimOne(db), kAbsent);
  const std::string since = ColumnQueue(db, "absent_since");
  CHECK_FALSE(since.empty());
  db.Run("UPDATE membridge.dirty SET due_at = statement_timestamp()");
  const Claim second = ClaimOne(db);
  REQUIRE(second.absent_since.has_value());
  CHECK(*second.absent_since == ParseRfc3339(since));
  SECTION("absent again: since the first time") {
    Settle(db, second, kAbsent);
    CHECK(ColumnQueue(db, "absent_since") == since);
  }
  SECTION("a failed read says nothing about it") {
    Settle(db, second, kBackOff);
    CHECK(ColumnQueue(db, "absent_since") == since);
  }
  SECTION("there after all") {
    Settle(db, second, kLookAgain);
    CHECK(ColumnQueue(db, "absent_since IS NULL") == "t");
  }
  SECTION("done, and marked meanwhile: the count starts anew") {
    Mark(db, {"m-1"});
    Settle(db, second, kQueueDone);
    CHECK(ColumnQueue(db, "absent_since IS NULL") == "t");
  }
}

TEST_CASE("a weaker reason does not hide a stronger one", "[sync][pg]") {
  struct Case {
    std::string first, then, kept;
  };
  const auto [first, then, kept] = GENERATE(values<Case>({{"delivery", "reproject", "delivery"},
                                                          {"reproject", "delivery", "delivery"},
                                                          {"sweep", "expiry", "sweep"},
                                                          {"delivery", "manual", "manual"},
                                                          {"manual", "delivery", "manual"},
                                                          {"delivery", "sweep", "delivery"},
                                                          {"reproject", "reproject", "reproject"}}));
  CAPTURE(first, then);
  const PgDatabase db;
  Mark(db, {"m-1"}, first);
  Mark(db, {"m-1"}, then);
  CHECK(ClaimOne(db).reason == kept);
}

TEST_CASE("the next due time is that of the first free memory or of the first lease to end", "[sync][pg]") {
  const PgDatabase db;
  CHECK_FALSE(NextDue(db).has_value());
  Mark(db, {"m-1"});
  CHECK(NextDue(db) == 0ms);
  const Claim claim = ClaimOne(db);
  std::optional<std::chrono::milliseconds> next = NextDue(db);
  REQUIRE(next.has_value());
  CHECK(*next > 0ms);
  CHECK(*next <= 60s);

  Mark(db, {"m-2"});
  CHECK(NextDue(db) == 0ms);
  Settle(db, ClaimOne(db), Outcome(Settlement::Kind::kLookAgain, 2h));
  next = NextDue(db);
  REQUIRE(next.has_value());
  CHECK(*next <= 60s);
  Settle(db, claim, kQueueDone);
  next = NextDue(db);
  REQUIRE(next.has_value());
  CHECK(*next > 1h);
  CHECK(*next <= 2h);
}

TEST_CASE("due buckets are those with free due work, in random order", "[sync][pg]") {
  const PgDatabase db;
  db.Run(
      "INSERT INTO membridge.dirty (bucket, project, memory_id, reason, due_at, claimed_until) "
      "SELECT b, 'crm', 'm-' || b, 'delivery', statement_timestamp() + CASE WHEN b % 3 = 0 THEN interval '1 hour' ELSE '0' END, "
      "       CASE WHEN b % 3 = 1 THEN statement_timestamp() + interval '1 hour' END FROM generate_series(0, 63) AS b");
  std::set<std::vector<int>> orders;
  for (int i = 0; i < 5; ++i) orders.insert(DueBuckets(db));
  CHECK(orders.size() > 1);
  for (const std::vector<int>& order : orders) {
    CHECK(order.size() == 21);
    for (const int bucket : order) CHECK(bucket % 3 == 2);
  }
}

}  // namespace membridge
