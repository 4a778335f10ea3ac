// A streaming standby takes over while deliveries come in: several hosts in the URL, and target_session_attrs.
#include <fmt/format.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using sync::postgres::Session;

/// Both servers, whichever takes writes; the test's database.
std::string EitherOf(const World& world, const test::Cluster& primary, const test::Cluster& standby) {
  const std::string& dsn = world.Database().Dsn();
  const std::size_t at = dsn.find("dbname=");
  return fmt::format("host={},{} user=postgres {} target_session_attrs=read-write connect_timeout=5",
                     primary.SocketFolder().string(), standby.SocketFolder().string(), dsn.substr(at, dsn.find(' ', at) - at));
}

/// Posts deliveries about these memories, again and again until each try is accepted.
struct FailoverSender {
  std::set<std::string> acknowledged;  // ids of deliveries
  std::map<int, int> answers;          // by status

  void Send(const std::string& url, const std::vector<std::string>& memories, const std::atomic<bool>& stop) {
    test::HttpClient client;
    for (std::size_t i = 0; !stop;) {
      const nlohmann::json delivery{{"event_details", {{"id", memories[i % memories.size()]}, {"event", "UPDATE"}}}};
      const auto answer = client.Post(url, delivery.dump());
      ++answers[answer.status];
      if (answer.status != 200) continue;
      acknowledged.insert(nlohmann::json::parse(answer.body).at("delivery"));
      ++i;
    }
  }
};

}  // namespace

TEST_CASE("with a synchronous standby nothing acknowledged is lost when it takes over", "[e2e][failover]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  test::Cluster standby{test::Cluster::StandbyOf{world.Postgres()}};
  world.Database().Run("ALTER SYSTEM SET synchronous_standby_names = '*'");
  world.Database().Run("SELECT pg_reload_conf()");
  REQUIRE(test::WaitUntil([&] { return world.Database().Value("SELECT sync_state FROM pg_stat_replication") == "sync"; }));

  test::BridgeOptions options = world.Options();
  options.database = EitherOf(world, world.Postgres(), standby);
  test::Bridge bridge{options};
  bridge.Start();
  const std::string url = world.Subscribe(bridge);
  constexpr int kUsers = 30;
  std::vector<std::string> memories;
  for (int i = 0; i < kUsers; ++i)
    memories.push_back(world.Mem0().Add(fmt::format("user-{}", i), fmt::format("Name is Person {}", i), nullptr, {}, false));

  std::atomic<bool> stop{false};
  FailoverSender sender;
  std::thread sending{[&] { sender.Send(url, memories, stop); }};
  const auto stored = [](Session& session) { return session.Run("SELECT count(*) FROM membridge.deliveries").Int(0, 0); };
  CHECK(test::WaitUntil([&] { return world.Database().Count("membridge.deliveries") >= 50; }));
  world.Postgres().StopImmediately();
  // For a moment nobody takes writes, and the bridge says so; then the standby does.
  CHECK(test::WaitUntil([&] { return test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz").status == 503; }));
  Session promoted{options.database.substr(0, options.database.find(" target_session_attrs")) + " target_session_attrs=any"};
  CHECK(promoted.Run("SELECT pg_promote()").Bool(0, 0));
  CHECK(bridge.WaitReady(60s));
  const auto before = stored(promoted);
  CHECK(test::WaitUntil([&] { return stored(promoted) >= before + 50; }));
  stop = true;
  sending.join();
  CHECK(test::WaitUntil(
      [&] { return promoted.Run("SELECT membridge.unfolded() = 0 AND NOT EXISTS (SELECT FROM membridge.dirty)").Bool(0, 0); },
      60s));

  const auto rows = promoted.Run("SELECT id::text FROM membridge.deliveries");
  std::set<std::string> kept;
  for (std::size_t i = 0; i < rows.size(); ++i) kept.insert(std::string{rows.Text(i, 0)});
  std::size_t lost = 0;
  for (const std::string& id : sender.acknowledged) lost += kept.contains(id) ? 0U : 1U;
  const auto applied = promoted.Run("SELECT count(*) FROM crm.contacts WHERE name LIKE 'Person %'").Int(0, 0);
  int sent = 0;
  for (const auto& [status, count] : sender.answers) sent += count;
  WARN("failover: " << sent << " deliveries sent, " << sender.acknowledged.size() << " acknowledged, " << kept.size()
                    << " stored, " << lost << " lost, " << applied << " of " << kUsers << " memories applied");
  CHECK(lost == 0);
  CHECK(applied == kUsers);
  // What was refused meanwhile was refused as it should be.
  for (const auto& [status, count] : sender.answers) CHECK((status == 200 || status == 503));
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

}  // namespace membridge::e2e
