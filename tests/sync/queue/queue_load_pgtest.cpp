// The queue under load: many workers and markers at once, and many rows.
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

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
using test::InTransaction;
using test::kCrm;
using test::Mark;
using test::PgDatabase;

const Settlement kQueueLoadDone{};

}  // namespace

TEST_CASE("workers in many threads share the work and never the memory", "[sync][pg]") {
  const PgDatabase db;
  std::vector<std::string> names;
  for (int n = 0; n < 3000; ++n) names.push_back("m-" + std::to_string(n));
  Mark(db, names);
  std::mutex mutex;
  std::map<std::string, int> claimed;  // guarded by mutex
  std::atomic<int> idle_workers = 0;
  std::vector<std::jthread> workers;
  for (int worker = 0; worker < 4; ++worker) {
    workers.emplace_back([&] {
      Session session = db.Session();
      while (true) {
        const std::vector<sync::DueBucket> buckets = InTransaction(session, [](Transaction& t) { return Queue{t}.DueBuckets(); });
        if (buckets.empty()) break;
        const std::vector<Claim> claims =
            InTransaction(session, [&](Transaction& t) { return Queue{t}.ClaimDue({buckets.front()}, 20, 60s); });
        {
          const std::lock_guard lock(mutex);
          for (const Claim& claim : claims) ++claimed[claim.memory.Text()];
        }
        InTransaction(session, [&](Transaction& t) {
          std::vector<std::pair<Claim, Settlement>> settlements;
          for (const Claim& claim : Queue{t}.StillOurs(claims)) settlements.emplace_back(claim, kQueueLoadDone);
          Queue{t}.Settle(settlements);
        });
      }
      ++idle_workers;
    });
  }
  workers.clear();
  CHECK(idle_workers == 4);
  CHECK(claimed.size() == 3000);
  for (const auto& [memory, times] : claimed) {
    if (times != 1) FAIL_CHECK(memory << " was claimed " << times << " times");
  }
  CHECK(db.Count("membridge.dirty") == 0);
}

// `source` stands for Mem0: a change and its mark are one transaction, as a delivery that is answered late. `seen` stands for the
// target rows. Half of the leases are over as soon as they are given, and workers vanish in the middle.
TEST_CASE("whatever markers and workers do at the same time, the last change is the one that is seen", "[sync][pg]") {
  const PgDatabase db;
  db.RunScript(
      "CREATE TABLE source (memory text PRIMARY KEY, version int NOT NULL); CREATE TABLE seen (LIKE source INCLUDING ALL, fence "
      "bigint)");
  const unsigned seed = std::random_device{}();
  CAPTURE(seed);
  std::atomic<int> markers_left = 3;
  std::vector<std::jthread> threads;
  for (unsigned marker = 0; marker < 3; ++marker) {
    threads.emplace_back([&, marker] {
      std::mt19937 random{seed + marker};
      Session session = db.Session();
      for (int change = 0; change < 150; ++change) {
        std::set<std::string> memories;
        for (unsigned n = random() % 8 + 1; n > 0; --n) memories.insert("m-" + std::to_string(random() % 40));
        InTransaction(session, [&](Transaction& t) {
          for (const std::string& memory : memories) {
            t.Run("INSERT INTO source VALUES ($1, 1) ON CONFLICT (memory) DO UPDATE SET version = source.version + 1", {memory});
          }
          Queue{t}.Mark(kCrm, {memories.begin(), memories.end()}, "delivery");
        });
      }
      --markers_left;
    });
  }
  for (unsigned worker = 0; worker < 3; ++worker) {
    threads.emplace_back([&, worker] {
      std::mt19937 random{seed + 100 + worker};
      Session session = db.Session();
      while (true) {
        const bool over = markers_left == 0;
        const std::vector<sync::DueBucket> buckets = InTransaction(session, [](Transaction& t) { return Queue{t}.DueBuckets(); });
        if (buckets.empty() && over && InTransaction(session, [](Transaction& t) { return !Queue{t}.NextDue(); })) break;
        if (buckets.empty()) continue;
        const bool dies = random() % 10 == 0;
        const std::chrono::seconds lease{dies ? 0 : 60 * (random() % 2)};
        const std::vector<Claim> claims =
            InTransaction(session, [&](Transaction& t) { return Queue{t}.ClaimDue({buckets.front()}, 5, lease); });
        // The read, outside of any lock.
        std::map<std::string, std::string> read;
        for (const Claim& claim : claims) {
          const auto rows = session.Run("SELECT version FROM source WHERE memory = $1", {claim.memory.Text()});
          read[claim.memory.Text()] = rows.Text(0, 0);
        }
        if (dies) continue;
        InTransaction(session, [&](Transaction& t) {
          std::vector<std::pair<Claim, Settlement>> settlements;
          for (const Claim& claim : Queue{t}.StillOurs(claims)) {
            t.Run(
                "INSERT INTO seen VALUES ($1, $2, $3) ON CONFLICT (memory) DO UPDATE SET version = excluded.version, fence = "
                "excluded.fence",
                {claim.memory.Text(), read[claim.memory.Text()], std::to_string(claim.fence)});
            settlements.emplace_back(claim, kQueueLoadDone);
          }
          Queue{t}.Settle(settlements);
        });
      }
    });
  }
  threads.clear();
  CHECK(db.Count("membridge.dirty") == 0);
  CHECK(db.Count("source") == 40);
  CHECK(db.Count("source FULL JOIN seen USING (memory) WHERE source.version IS DISTINCT FROM seen.version") == 0);
}

TEST_CASE("with many dirty memories a claim looks at no more rows than it takes", "[sync][pg]") {
  const PgDatabase db;
  const bool analyzed = GENERATE(false, true);
  CAPTURE(analyzed);
  db.Run(
      "INSERT INTO membridge.dirty (bucket, project, memory_id, reason, due_at) "
      "SELECT n % 64, 'crm', md5(n::text), 'delivery', statement_timestamp() - n * interval '1 millisecond' FROM "
      "generate_series(1, 100000) AS n");
  if (analyzed) db.Run("ANALYZE membridge.dirty");
  // How many rows `work` looked at, by sequential scans and by indexes, in a session of its own: the counters go with it.
  struct Looks {
    std::int64_t scanned, fetched, hot;
  };
  const auto looks = [&](auto work) {
    Session session = db.Session();
    Transaction transaction = session.Begin();
    work(transaction);
    const auto rows = transaction.Run(
        "SELECT coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0), n_tup_hot_upd FROM pg_stat_xact_user_tables "
        "WHERE relid = 'membridge.dirty'::regclass");
    transaction.Commit();
    return Looks{rows.Int(0, 0), rows.Int(0, 1), rows.Int(0, 2)};
  };
  const auto claim = [](Transaction& t) { return Queue{t}.ClaimDue({sync::DueBucket{5}}, 200, 60s); };
  const std::vector<Claim> claims = InTransaction(db, claim);
  CHECK(claims.size() == 200);

  // The 200 that are claimed are stepped over.
  const Looks claiming = looks([&](Transaction& t) { CHECK(claim(t).size() == 200); });
  CHECK(claiming.scanned == 0);
  // Before the first ANALYZE the planner may read the bucket once (a 64th of the table), never more.
  CHECK(claiming.fetched <= 200 + 200 + 200 + (analyzed ? 0 : 100'000 / 64));
  CHECK(claiming.hot == 200);

  const Looks asking = looks([&](Transaction& t) { CHECK(Queue{t}.DueBuckets().size() == 64); });
  CHECK(asking.scanned == 0);
  CHECK(asking.fetched <= 64 + 400);

  const Looks waiting = looks([&](Transaction& t) { CHECK(Queue{t}.NextDue() == 0ms); });
  CHECK(waiting.scanned == 0);
  // As above, but for every bucket: this is asked when nothing is due, and a queue as long as this one has been analyzed.
  CHECK(waiting.fetched <= 64 + 400 + (analyzed ? 0 : 100'000));

  const Looks settling = looks([&](Transaction& t) {
    std::vector<std::pair<Claim, Settlement>> settlements;
    for (const Claim& ours : Queue{t}.StillOurs(claims)) settlements.emplace_back(ours, kQueueLoadDone);
    Queue{t}.Settle(settlements);
  });
  CHECK(settling.scanned == 0);
  CHECK(settling.fetched <= 200 + 200 + 200);
  CHECK(db.Count("membridge.dirty") == 99'800);
}

TEST_CASE("a plan from when the queue was vacuumed empty does not compare each memory with each", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1", "m-2"});
  static_cast<void>(test::ClaimAll(db));
  db.Run("DELETE FROM membridge.dirty");
  // What a vacuum leaves while somebody holds the end of the table: pages, and no row.
  db.Session().RunAlone("VACUUM (ANALYZE, TRUNCATE false) membridge.dirty");
  Session session{db.Dsn()};
  session.KeepPlans();
  // To compare each with each takes minutes, even on a fast machine; else it is a second.
  session.RunAlone("SET statement_timeout TO '60s'");
  const auto settle_all = [&](const Settlement& settlement) {
    const std::vector<Claim> claims = test::ClaimAll(db);
    Transaction transaction = session.Begin();
    std::vector<std::pair<Claim, Settlement>> settlements;
    for (const Claim& ours : Queue{transaction}.StillOurs(claims)) settlements.emplace_back(ours, settlement);
    Queue{transaction}.Settle(settlements);
    const auto scans =
        transaction.Run("SELECT seq_scan FROM pg_stat_xact_user_tables WHERE relid = 'membridge.dirty'::regclass").Int(0, 0);
    transaction.Commit();
    return scans;
  };
  for (int time = 0; time < 3; ++time) {
    Mark(db, {"m-1", "m-2"});
    CHECK(settle_all({}) == 0);
  }
  std::vector<std::string> names;
  for (int n = 0; n < 20'000; ++n) names.push_back("m-" + std::to_string(n));
  Mark(db, names);
  SECTION("all are done") {
    CHECK(settle_all({}) == 0);
    CHECK(db.Count("membridge.dirty") == 0);
  }
  SECTION("all are put back") {
    CHECK(settle_all({Settlement::Kind::kBlocked, 1h, false, "somebody holds the row"}) == 0);
    CHECK(db.Count("membridge.dirty WHERE attempts = 1 AND blocked_since IS NOT NULL AND fence IS NULL AND last_error = "
                   "'somebody holds the row'") == 20'000);
  }
}

}  // namespace membridge
