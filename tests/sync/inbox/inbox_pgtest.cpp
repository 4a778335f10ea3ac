#include <libpq-fe.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "sync/inbox/delivery_log.hpp"
#include "sync/inbox/fold.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "sync/queue/wake_up.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::Claim;
using sync::DeliveriesStore;
using sync::Delivery;
using sync::PostgresInbox;
using sync::WakeUp;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::ClaimAll;
using test::DeliveryOf;
using test::FoldAll;
using test::InTransaction;
using test::Mark;
using test::PgDatabase;

sync::ShownDelivery Stored(const PgDatabase& db, const DeliveryId& id) {
  return InTransaction(db, [&](Transaction& transaction) { return DeliveriesStore{transaction}.Show(id).value(); });
}

// Listens by libpq itself, which hands over every notice and not only "there were some".
class Listener {
 public:
  explicit Listener(const std::string& dsn) : connection_(PQconnectdb(dsn.c_str()), &PQfinish) { Run("LISTEN membridge_due"); }

  // The server sends a commit's notices before it answers the commit, and to us before it answers anything asked later.
  int Notices() {
    Run("SELECT 1");
    int notices = 0;
    while (PGnotify* notice = PQnotifies(connection_.get())) {
      PQfreemem(notice);
      ++notices;
    }
    return notices;
  }

 private:
  void Run(const char* sql) { PQclear(PQexec(connection_.get(), sql)); }

  std::unique_ptr<PGconn, decltype(&PQfinish)> connection_;
};

}  // namespace

TEST_CASE("an accepted delivery is stored as it came, and its memory is dirty once it is folded", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  Delivery delivery = DeliveryOf(1, {"m-1"});
  delivery.source_address = "203.0.113.7";
  delivery.headers = {{"user-agent", "mem0"}};
  delivery.verdict = "accepted";
  REQUIRE(inbox.Accept({delivery}).has_value());

  const sync::ShownDelivery stored = Stored(db, delivery.id);
  CHECK(stored.id == delivery.id);
  CHECK(stored.project == delivery.project);
  CHECK(stored.received_at == delivery.received_at);
  CHECK(stored.body == delivery.body);
  CHECK(stored.source_address == "203.0.113.7");
  CHECK(stored.headers == delivery.headers);
  CHECK(stored.verdict == "accepted");
  CHECK(stored.memories == delivery.memories);
  CHECK(db.Count("membridge.dirty") == 0);
  CHECK(FoldAll(db) == 1);
  const std::vector<Claim> claims = ClaimAll(db);
  REQUIRE(claims.size() == 1);
  CHECK(claims[0].memory.Text() == "m-1");
  CHECK(claims[0].reason == "delivery");
}

TEST_CASE("bodies are kept byte for byte, whatever they are", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  std::string every_byte;
  for (int byte = 0; byte < 256; ++byte) every_byte += static_cast<char>(byte);
  std::vector<Delivery> deliveries;
  int n = 0;
  for (const std::string& body : {std::string{}, std::string(1, '\0'), every_byte, std::string{"\xc3\x28 \xff"},
                                  std::string{"{\"a\\\\b"}, std::string(1 << 20, '\\'), std::string{"last"}}) {
    deliveries.push_back(DeliveryOf(++n, {}));
    deliveries.back().body = body;
  }
  REQUIRE(inbox.Accept(deliveries).has_value());
  for (const Delivery& delivery : deliveries) CHECK(Stored(db, delivery.id).body == delivery.body);
  FoldAll(db);
  CHECK(db.Count("membridge.dirty") == 0);
}

TEST_CASE("nothing in a delivery can make PostgreSQL refuse the batch it came in", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  const std::string nul(1, '\0');
  Delivery odd = DeliveryOf(
      1, {"", "m" + nul, "\xff", "line\nbreak", std::string(256, 'x'), std::string(100'000, 'y'), "it's {\"m\\\",NULL}"});
  odd.source_address = "::1" + nul + "\xff";
  odd.verdict = "odd" + nul;
  odd.token_id = "not a token\xc3";
  odd.headers = {{"x-odd", "a" + nul + "b\xff"}, {"\xfe", {nul, 1e308, nullptr}}};
  const Delivery honest = DeliveryOf(2, {"m-2", std::string(255, 'z')});
  Delivery bare = DeliveryOf(3, {});
  bare.headers = nullptr;
  REQUIRE(inbox.Accept({odd, honest, bare}).has_value());

  const sync::ShownDelivery stored = Stored(db, odd.id);
  CHECK(stored.source_address == "::1\xef\xbf\xbd");
  CHECK(stored.verdict == "odd");
  CHECK(stored.headers["x-odd"] == "ab\xef\xbf\xbd");
  CHECK(stored.memories == test::Ids({"it's {\"m\\\",NULL}"}));
  CHECK(Stored(db, bare.id).headers == nlohmann::json::object());
  CHECK(FoldAll(db) == 3);
  CHECK(db.Count("membridge.dirty") == 3);
}

TEST_CASE("a delivery that is stored a second time is one delivery to the fold", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  const Delivery one = DeliveryOf(1, {"m-1"});
  REQUIRE(inbox.Accept({one, one}).has_value());
  REQUIRE(inbox.Accept({one, DeliveryOf(2, {"m-2"})}).has_value());
  CHECK(FoldAll(db) == 2);
  CHECK(db.Count("membridge.dirty") == 2);
  CHECK(db.Value("SELECT generation FROM membridge.dirty WHERE memory_id = 'm-1'") == "1");
}

TEST_CASE("ten thousand deliveries for a hundred memories are one batch and a hundred marks", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  std::vector<Delivery> deliveries;
  for (int n = 0; n < 10'000; ++n)
    deliveries.push_back(DeliveryOf(n, {"m-" + std::to_string(n % 100), "m-" + std::to_string(n % 7)}));
  REQUIRE(inbox.Accept(deliveries).has_value());
  CHECK(db.Count("membridge.deliveries") == 10'000);
  CHECK(db.Value("SELECT count(DISTINCT xid::text) FROM membridge.deliveries") == "1");
  CHECK(FoldAll(db) == 10'000);
  CHECK(db.Count("membridge.dirty") == 100);
  CHECK(db.Count("membridge.dirty WHERE generation = 1") == 100);
  CHECK(inbox.Accept({}).has_value());
}

TEST_CASE("more bodies than one statement takes become several", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  std::vector<Delivery> deliveries;
  for (int n = 0; n < 3; ++n) {
    deliveries.push_back(DeliveryOf(n, {"m-" + std::to_string(n)}));
    deliveries.back().body.assign(PostgresInbox::kStatementBytes / 2 + 1, static_cast<char>('a' + n));
  }
  REQUIRE(inbox.Accept(deliveries).has_value());
  CHECK(db.Count("membridge.deliveries") == 3);
  // Three transactions.
  CHECK(db.Value("SELECT count(DISTINCT xmin::text) FROM membridge.deliveries") == "3");
  CHECK(Stored(db, deliveries[2].id).body == deliveries[2].body);
}

TEST_CASE("a mark of a memory that waits is taken up as a mark", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  Mark(db, {"m-1", "m-2"}, "reproject");
  db.Run(
      "UPDATE membridge.dirty SET due_at = statement_timestamp() + interval '1 hour', attempts = CASE memory_id WHEN 'm-2' THEN "
      "3 ELSE 0 END");
  REQUIRE(inbox.Accept({DeliveryOf(1, {"m-1", "m-2"})}).has_value());
  FoldAll(db);
  const std::vector<Claim> claims = ClaimAll(db);
  REQUIRE(claims.size() == 1);
  CHECK(claims[0].memory.Text() == "m-1");
  CHECK(claims[0].generation == 2);
  CHECK(claims[0].reason == "delivery");
  CHECK(db.Value("SELECT string_agg(rank::text, ' ') FROM membridge.dirty") == "0 0");
}

TEST_CASE("a replay is neither stored nor marked again, in any process and after any crash, until it expires",
          "[sync][pg][replay]") {
  const PgDatabase db;
  const auto keyed = [](int n, const std::string& memory, const std::string& key) {
    Delivery delivery = DeliveryOf(n, {memory});
    delivery.once = sync::ReplayMark{key, SystemClock{}.Now() + 1h};
    return delivery;
  };
  const auto generation = [&] {
    FoldAll(db);
    return db.Value("SELECT generation FROM membridge.dirty WHERE memory_id = 'm-1'");
  };
  PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept({keyed(1, "m-1", "a")})->empty());
  CHECK(*inbox.Accept({keyed(2, "m-1", "a")}) == std::vector{DeliveryOf(2, {}).id});
  CHECK(*PostgresInbox{db.Dsn()}.Accept({keyed(3, "m-1", "a"), keyed(4, "m-2", "b"), DeliveryOf(5, {"m-3"})}) ==
        std::vector{DeliveryOf(3, {}).id});
  CHECK(db.Count("membridge.deliveries") == 3);
  CHECK(generation() == "1");
  // Twice in one batch: the first counts. The same delivery again, after an answer that was lost, is no replay of itself.
  CHECK(*inbox.Accept({keyed(6, "m-1", "c"), keyed(7, "m-1", "c")}) == std::vector{DeliveryOf(7, {}).id});
  CHECK(inbox.Accept({keyed(6, "m-1", "c")})->empty());
  CHECK(db.Count("(SELECT DISTINCT id FROM membridge.deliveries) AS ids") == 4);
  CHECK(generation() == "2");
  db.Run("UPDATE membridge.replays SET expires_at = clock_timestamp() WHERE key = 'a'");
  CHECK(inbox.Accept({keyed(8, "m-1", "a")})->empty());
  CHECK(inbox.Accept({keyed(9, "m-1", "a")})->size() == 1);
}

TEST_CASE("processes that are sent one replay at the same time store it once", "[sync][pg][replay]") {
  const PgDatabase db;
  std::vector<std::jthread> processes;
  std::atomic<int> replays = 0;
  for (int process = 0; process < 4; ++process) {
    processes.emplace_back([&, process] {
      PostgresInbox inbox{db.Dsn()};
      for (int n = 0; n < 20; ++n) {
        std::vector<Delivery> batch;
        // Two keys in either order: nobody waits for the other for ever.
        for (const int key : process % 2 == 0 ? std::array{n, n + 1} : std::array{n + 1, n}) {
          batch.push_back(DeliveryOf(1 + key + 100 * process + 1000 * n, {"m-1"}));
          batch.back().once = sync::ReplayMark{"k" + std::to_string(key), SystemClock{}.Now() + 1h};
        }
        replays += static_cast<int>(inbox.Accept(batch).value().size());
      }
    });
  }
  processes.clear();
  CHECK(db.Count("membridge.deliveries") == 21);
  CHECK(replays == 4 * 20 * 2 - 21);
}

TEST_CASE("only a fold tells workers, and only when a bucket goes from empty to due", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  Listener listener{db.Dsn()};
  const auto notices = [&](const std::vector<Delivery>& deliveries) {
    REQUIRE(inbox.Accept(deliveries).has_value());
    CHECK(listener.Notices() == 0);
    FoldAll(db);
    return listener.Notices();
  };
  // All for one memory, hence for one bucket.
  CHECK(notices({DeliveryOf(1, {"m-1"}), DeliveryOf(2, {"m-1"})}) == 1);
  CHECK(notices({DeliveryOf(3, {"m-1"})}) == 0);
  CHECK(notices({DeliveryOf(4, {})}) == 0);
  // Whoever holds the claim looks again when it is settled.
  REQUIRE(ClaimAll(db).size() == 1);
  CHECK(notices({DeliveryOf(5, {"m-1"})}) == 0);
  // What waits after a failure keeps its turn, and a delivery makes nobody look for it.
  db.Run(
      "UPDATE membridge.dirty SET claimed_until = NULL, fence = NULL, attempts = 1, due_at = clock_timestamp() + interval '1 "
      "hour'");
  CHECK(notices({DeliveryOf(7, {"m-1"})}) == 0);
  db.Run("TRUNCATE membridge.dirty");
  CHECK(notices({DeliveryOf(6, {"m-1"})}) == 1);
}

TEST_CASE("the use of a token is noted, once a minute and not once per delivery", "[sync][pg]") {
  const PgDatabase db;
  const std::string token = "0b7f4a52-9a46-4f0e-9d3e-6a1f0f5d8c11";
  db.Run("INSERT INTO membridge.tokens (id, project, hash) VALUES ('" + token + "', 'crm', 'x')");
  PostgresInbox inbox{db.Dsn()};
  const auto accept = [&](int n, std::chrono::seconds later) {
    Delivery delivery = DeliveryOf(n, {});
    delivery.token_id = token;
    delivery.received_at += later;
    REQUIRE(inbox.Accept({delivery}).has_value());
    return db.Value("SELECT last_used FROM membridge.tokens");
  };
  CHECK(accept(1, 0s) == "2026-03-01 09:00:00+00");
  CHECK(accept(2, 59s) == "2026-03-01 09:00:00+00");
  CHECK(accept(3, 60s) == "2026-03-01 09:01:00+00");
}

TEST_CASE("an accepted delivery wakes the workers of its own process", "[sync][pg]") {
  const PgDatabase db;
  sync::WakeUp wake_up;
  sync::Folder folder{db.Dsn(), 60s, wake_up};
  PostgresInbox inbox{db.Dsn(), [&](std::uint64_t transaction) { folder.Poke(transaction); }};
  for (int n = 1; n < 4; ++n) {
    const std::uint64_t seen = wake_up.Pokes();
    REQUIRE(inbox.Accept({DeliveryOf(n, {"m-" + std::to_string(n)})}).has_value());
    CHECK(wake_up.Wait(seen, 30s, {}));
    CHECK(ClaimAll(db).size() == 1);
  }
}

TEST_CASE("acceptance and folding wait for nobody's lock in the queue, the mirror or a table of the application",
          "[sync][pg][T1]") {
  const PgDatabase db;
  db.RunScript("CREATE TABLE people (id text PRIMARY KEY); INSERT INTO people VALUES ('u1')");
  Mark(db, {"m-1", "m-2"});
  FoldAll(db);
  Session other = db.Session();
  Transaction holding = other.Begin();
  const char* held = GENERATE("SELECT * FROM people FOR UPDATE", "SELECT * FROM membridge.dirty FOR UPDATE",
                              "LOCK TABLE membridge.memories IN ACCESS EXCLUSIVE MODE", "DELETE FROM membridge.dirty",
                              "INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at) "
                              "VALUES (1, 'crm', 'm-1', gen_random_uuid(), gen_random_uuid(), 'ADD', now())",
                              "SELECT * FROM membridge.fold FOR UPDATE");
  CAPTURE(held);
  holding.Run(held);
  PostgresInbox inbox{db.Dsn()};
  const auto started = std::chrono::steady_clock::now();
  REQUIRE(inbox.Accept({DeliveryOf(1, {"m-1"}), DeliveryOf(2, {"m-3"})}).has_value());
  Session session = db.Session();
  const sync::Folded folded = sync::Fold::Once(session);
  // Far longer than either takes, far shorter than anybody would wait for a lock here.
  CHECK(std::chrono::steady_clock::now() - started < 900ms);
  if (folded.folded) CHECK(db.Count("membridge.dirty WHERE memory_id = 'm-3'") == 1);
  holding.Commit();
  FoldAll(db);
  CHECK(db.Count("membridge.dirty WHERE memory_id IN ('m-1', 'm-3') AND reason = 'delivery'") == 2);
  CHECK(db.Count("membridge.held_marks") == 0);
}

TEST_CASE("a day without a partition gets one when its first delivery comes", "[sync][pg][deliveries]") {
  const PgDatabase db;
  std::vector<std::jthread> processes;
  std::atomic<int> refused = 0;
  for (int process = 0; process < 4; ++process) {
    processes.emplace_back([&, process] {
      PostgresInbox inbox{db.Dsn()};
      std::vector<Delivery> days;
      for (int day = 0; day < 3; ++day)
        days.push_back(test::At(*ParseRfc3339("2026-03-01T23:59:00Z") + day * 24h, DeliveryOf(process * 10 + day, {"m-1"})));
      if (!inbox.Accept(days)) ++refused;
    });
  }
  processes.clear();
  CHECK(refused == 0);
  CHECK(db.Value("SELECT count(*) || ' ' || count(DISTINCT tableoid) FROM membridge.deliveries") == "12 3");
}

}  // namespace membridge
