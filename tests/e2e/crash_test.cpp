#include <atomic>
#include <optional>
#include <set>
#include <thread>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

/// The session kept for looking into the database broke with the server; the next one is new.
bool Answers(const test::PgDatabase& database) {
  try {
    database.Run("SELECT 1");
    return true;
  } catch (const sync::postgres::SqlFailure&) {
    return false;
  }
}

TEST_CASE("nothing acknowledged is lost when the bridge is killed and PostgreSQL stops at once", "[e2e][crash]") {
  const std::uint64_t seed = SeedOfRun();
  CAPTURE(seed);
  World world{seed};
  world.PretendAnotherListens();
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  // A delivery that is not acknowledged comes again until it is: so everything is acknowledged in the end, at some moment of the
  // chaos.
  world.Mem0().SetDelivery({{"duplicate", 0.2}, {"reorder", 0.3}, {"retries", 400}, {"retry_delay_ms", 200}});
  world.Mem0().SetFaults({{"server_error", 0.05}, {"stale_ms", 100}});

  std::atomic<bool> living{true};
  std::thread life{[&] {
    Chatter chatter{seed};
    Live(world, chatter, 60, 1'500);
    living = false;
  }};
  const auto stored = [&] { return world.Database().Count("membridge.deliveries"); };
  for (int kill = 0; kill < 5; ++kill) {
    // Every kill strikes while deliveries come in.
    const auto before = stored();
    test::WaitUntil([&] { return stored() >= before + 60 || !living; }, 20s);
    bridge.Kill();
    bridge.Start();
  }
  const auto before = stored();
  test::WaitUntil([&] { return stored() >= before + 60 || !living; }, 20s);
  world.Postgres().StopImmediately();
  CHECK(test::WaitUntil([&] { return test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz").status == 503; }, 20s));
  CHECK(test::HttpClient{}.Get(bridge.AdminUrl() + "/healthz").status == 200);
  world.Postgres().Start();
  CHECK(test::WaitUntil([&] { return Answers(world.Database()); }, 60s));
  CHECK(bridge.WaitReady(60s));
  life.join();

  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

/// Posts deliveries, each about a memory of its own, until told to stop or refused.
struct Sender {
  std::set<std::string> acknowledged;
  std::set<std::string> refused;

  void Send(const std::string& url, const std::string& prefix, const std::atomic<bool>& stop) {
    test::HttpClient client;
    for (int i = 0; !stop; ++i) {
      const std::string memory = prefix + "-" + std::to_string(i);
      const auto answer = client.Post(url, R"({"event_details":{"id":")" + memory + R"(","event":"ADD","data":{"memory":"x"}}})");
      if (answer.status == 200) {
        acknowledged.insert(memory);
      } else {
        refused.insert(memory);
        if (answer.status == 0) return;  // nobody listens any more
      }
    }
  }
};

TEST_CASE("SIGTERM under load ends with 0 in time, and everything stored was acknowledged", "[e2e][crash]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  test::BridgeOptions options = world.Options();
  options.soft_stop = "8s";
  test::Bridge bridge{options};
  bridge.Start();
  const std::string url = world.Subscribe(bridge);
  world.Mem0().SetFaults({{"latency_ms", 200}});

  std::atomic<bool> stop{false};
  std::vector<Sender> senders(8);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < senders.size(); ++i)
    threads.emplace_back([&, i] { senders[i].Send(url, "m" + std::to_string(i), stop); });
  CHECK(test::WaitUntil([&] { return world.Database().Count("membridge.deliveries") > 500; }));
  const auto began = std::chrono::steady_clock::now();
  CHECK(bridge.Terminate(20s) == std::optional<int>{0});
  CHECK(std::chrono::steady_clock::now() - began < 9s);
  stop = true;
  for (auto& thread : threads) thread.join();

  std::set<std::string> acknowledged;
  for (const auto& sender : senders) acknowledged.insert(sender.acknowledged.begin(), sender.acknowledged.end());
  std::set<std::string> stored;
  const auto rows = world.Database().Run("SELECT unnest(memories) FROM membridge.deliveries");
  for (std::size_t i = 0; i < rows.size(); ++i) stored.emplace(rows.Text(i, 0));
  CHECK(acknowledged.size() > 500);
  CHECK(stored == acknowledged);
}

}  // namespace
}  // namespace membridge::e2e
