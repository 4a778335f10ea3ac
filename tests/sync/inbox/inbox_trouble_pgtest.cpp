#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>

#include "sync/inbox/fold.hpp"
#include "sync/inbox/folder.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/cutting_proxy.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {

using namespace std::chrono_literals;
using sync::Claim;
using sync::Delivery;
using sync::PostgresInbox;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::DeliveryOf;
using test::FoldAll;
using test::InTransaction;
using test::PgDatabase;

TEST_CASE("what is accepted is flushed to disk even where the server would not, and waits for no lock for ever", "[sync][pg]") {
  const PgDatabase db;
  const std::string name = db.Value("SELECT current_database()");
  const std::string configured = GENERATE("off", "local", "on");
  db.Run("ALTER DATABASE " + name + " SET synchronous_commit TO " + configured);
  // Runs while the transaction commits.
  db.RunScript(R"(
      CREATE TABLE settings (flush text, lock_timeout text);
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO public.settings VALUES (current_setting(''synchronous_commit''), current_setting(''lock_timeout''));
           RETURN NULL; END';
      CREATE CONSTRAINT TRIGGER note AFTER INSERT ON membridge.deliveries DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION note();)");
  PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept({DeliveryOf(1, {"m-1"})}).has_value());
  CHECK(db.Value("SELECT flush FROM settings") == (configured == "off" ? "on" : configured));
  CHECK(db.Value("SELECT lock_timeout FROM settings") == "5s");
}

TEST_CASE("a connection that broke is made again without anybody noticing", "[sync][pg]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept({DeliveryOf(1, {"m-1"})}).has_value());
  db.Run(
      "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'membridge inbox' AND datname = "
      "current_database()");
  REQUIRE(inbox.Accept({DeliveryOf(2, {"m-1"})}).has_value());
  CHECK(db.Count("membridge.deliveries") == 2);
}

TEST_CASE("while PostgreSQL is away nothing is accepted, and what was accepted survives its crash", "[sync][pg]") {
  test::Cluster cluster;
  const PgDatabase db{cluster};
  PostgresInbox inbox{db.Dsn()};
  REQUIRE(inbox.Accept({DeliveryOf(1, {"m-1"})}).has_value());
  cluster.StopImmediately();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const auto refused = inbox.Accept({DeliveryOf(2, {"m-2"})});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::kUnavailable);
  }
  cluster.Start();
  REQUIRE(inbox.Accept({DeliveryOf(3, {"m-3"})}).has_value());
  FoldAll(db);
  Session session = db.Session();
  const auto rows = session.Run("SELECT string_agg(memory_id, ' ' ORDER BY memory_id) FROM membridge.dirty");
  CHECK(rows.Text(0, 0) == "m-1 m-3");
}

TEST_CASE("wherever the connection is cut, what was accepted is stored and what was not can be sent again", "[sync][pg]") {
  test::Cluster& cluster = test::Cluster::Shared();
  const PgDatabase db{cluster};
  test::CuttingProxy proxy{cluster.SocketFolder() / ".s.PGSQL.5432"};
  const std::string dsn = db.Dsn() + " host=" + proxy.Host();
  // Numbers of three digits throughout: every exchange is as long as the one that is measured.
  int n = 100;
  const auto next = [&n] { return DeliveryOf(n, {"m-" + std::to_string(n)}); };
  REQUIRE(PostgresInbox{dsn}.Accept({next()}).has_value());
  const std::size_t to_server = proxy.PassedToServer(), to_client = proxy.PassedToClient();
  REQUIRE(to_server > 500);
  CHECK(FoldAll(db) == 1);

  PostgresInbox unharmed{db.Dsn()};
  int accepted = 0, refused = 0;
  const auto cut = [&](std::size_t server_bytes, std::size_t client_bytes) {
    CAPTURE(server_bytes, client_bytes);
    proxy.CutAfter(server_bytes, client_bytes);
    ++n;
    const Delivery delivery = next();
    const std::string stored = "membridge.deliveries WHERE id = '" + delivery.id.Text() + "'";
    if (PostgresInbox{dsn}.Accept({delivery}).has_value()) {
      ++accepted;
      CHECK(db.Count(stored) == 1);
    } else {
      ++refused;
      // Sent again by somebody who knows nothing of the first attempt: twice in the journal, perhaps, and one delivery.
      REQUIRE(unharmed.Accept({delivery}).has_value());
    }
    CHECK(db.Count("(SELECT DISTINCT id FROM " + stored + ") AS ids") == 1);
    CHECK(FoldAll(db) == 1);
    CHECK(db.Value("SELECT generation FROM membridge.dirty WHERE memory_id = 'm-" + std::to_string(n) + "'") == "1");
  };
  // Here and there, and densely towards the end: there the commit is answered.
  for (std::size_t at = 1; at < to_server + 9; at += at + 12 < to_server ? 83 : 4) cut(at, test::CuttingProxy::kNever);
  for (std::size_t at = 1; at < to_client + 9; at += at + 45 < to_client ? 83 : 4) cut(test::CuttingProxy::kNever, at);
  CHECK(refused > 10);
  accepted = 0;
  // The farewell that follows an answer may be measured or not: well beyond it, the commit has been answered in any case.
  cut(to_server + 1000, test::CuttingProxy::kNever);
  cut(test::CuttingProxy::kNever, to_client + 1000);
  CHECK(accepted == 2);
}

TEST_CASE("a database without our tables is unavailable, not a crash", "[sync][pg]") {
  const PgDatabase db{PgDatabase::Content::kBare};
  PostgresInbox inbox{db.Dsn()};
  const auto refused = inbox.Accept({DeliveryOf(1, {"m-1"})});
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  CHECK(refused.error().message == "storing deliveries: sqlstate 42P01");
}

TEST_CASE("inboxes of several processes and their workers never block one another for good", "[sync][pg]") {
  const PgDatabase db;
  std::vector<std::jthread> threads;
  std::atomic<int> refused = 0;
  for (int process = 0; process < 4; ++process) {
    threads.emplace_back([&, process] {
      PostgresInbox inbox{db.Dsn()};
      Session session = db.Session();
      for (int batch = 0; batch < 25; ++batch) {
        std::vector<Delivery> deliveries;
        for (int n = 0; n < 40; ++n) {
          deliveries.push_back(
              DeliveryOf(process * 1000 + batch * 40 + n, {"m-" + std::to_string((n * 31 + process * 17 + batch) % 60)}));
        }
        if (!inbox.Accept(deliveries)) ++refused;
        sync::Fold::Once(session);
        if (batch % 5 != process) continue;
        InTransaction(session, [](Transaction& transaction) {
          std::vector<std::pair<Claim, sync::Settlement>> settlements;
          sync::Queue queue{transaction};
          for (const Claim& claim : queue.ClaimDue(queue.DueBuckets(), 1000, 60s))
            settlements.emplace_back(claim, sync::Settlement{});
          queue.Settle(settlements);
        });
      }
    });
  }
  threads.clear();
  CHECK(refused == 0);
  CHECK(db.Count("membridge.deliveries") == 4000);
}

}  // namespace membridge
