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

namespace {

/// What one session counts.
std::int64_t CountIn(Session& session, const std::string& from) {
  return session.Run("SELECT count(*) FROM " + from).Int(0, 0);
}

/// Mem0, a primary and a standby that replicates asynchronously, and a bridge that follows whichever takes writes.
struct Asynchronous {
  Asynchronous() {
    world.PretendAnotherListens();
    bridge.Start();
    url = world.Subscribe(bridge);
    for (int i = 0; i < 40; ++i) memories.push_back(world.Mem0().Add(User(i), "Name is First"));
    REQUIRE(world.WaitSettled());
    REQUIRE(test::WaitUntil([&] { return CountIn(second, "crm.contacts WHERE name = 'First'") == 40; }));
  }
  static std::string User(int i) { return fmt::format("user-{}", i); }
  test::BridgeOptions Options() {
    test::BridgeOptions options = world.Options();
    options.database = EitherOf(world, world.Postgres(), standby);
    return options;
  }
  std::string SecondDsn() {
    const std::string either = EitherOf(world, standby, standby);
    return either.substr(0, either.find(" target_session_attrs"));
  }
  /// From here on the standby gets nothing, as when the network between the two is cut or too slow.
  void CutReplication() {
    second.Run("ALTER SYSTEM SET primary_conninfo = ''");
    second.Run("SELECT pg_reload_conf()");
    REQUIRE(test::WaitUntil([&] { return world.Database().Count("pg_stat_replication") == 0; }));
  }

  World world{SeedOfRun()};
  test::Cluster standby{test::Cluster::StandbyOf{world.Postgres()}};
  test::Bridge bridge{Options()};
  Session second{SecondDsn()};
  std::string url;
  std::vector<std::string> memories;
};

}  // namespace

TEST_CASE("with an asynchronous standby what is lost when it takes over is swept by itself", "[e2e][failover]") {
  Asynchronous it;
  test::Mem0Sim& mem0 = it.world.Mem0();
  const auto before = it.world.Database().Count("membridge.deliveries");
  it.CutReplication();
  // Acknowledged, applied, and unknown to the standby: changes, additions, deletions.
  for (int i = 0; i < 15; ++i) mem0.Update(it.memories.at(static_cast<std::size_t>(i)), "Name is Second");
  for (int i = 15; i < 20; ++i) mem0.Delete(it.memories.at(static_cast<std::size_t>(i)));
  for (int i = 40; i < 50; ++i) mem0.Add(it.User(i), "Name is Second");
  REQUIRE(it.world.WaitSettled());
  const test::PgDatabase& first = it.world.Database();
  const auto acknowledged = first.Count("membridge.deliveries") - before;
  CHECK(first.Count("crm.contacts WHERE name = 'Second'") == 25);
  CHECK(first.Count("crm.contacts WHERE name = 'First'") == 20);
  it.world.Postgres().Kill();
  CHECK(it.second.Run("SELECT pg_promote()").Bool(0, 0));
  CHECK(it.bridge.WaitReady(60s));
  const auto lost = acknowledged - (CountIn(it.second, "membridge.deliveries") - before);
  CHECK(lost == acknowledged);

  CHECK(test::WaitUntil(
      [&] {
        return CountIn(it.second,
                       "membridge.backfill_runs WHERE name = 'catch-up crm' AND kind = 'full_sweep' AND state = 'done'") == 1 &&
               it.second.Run("SELECT membridge.unfolded() = 0 AND NOT EXISTS (SELECT FROM membridge.dirty)").Bool(0, 0);
      },
      120s));
  CHECK(CountIn(it.second, "crm.contacts WHERE name = 'Second'") == 25);
  CHECK(CountIn(it.second, "crm.contacts WHERE name = 'First'") == 20);
  CHECK(CountIn(it.second, "crm.contacts WHERE name IS NOT NULL") == 45);
  // And it goes on.
  mem0.Update(it.memories.at(30), "Name is Third");
  CHECK(test::WaitUntil([&] { return CountIn(it.second, "crm.contacts WHERE name = 'Third'") == 1; }));
  CHECK(it.bridge.Log().find("database_server_changed") != std::string::npos);
  const auto swept = it.second.Run("SELECT counters::text FROM membridge.backfill_runs WHERE name = 'catch-up crm'");
  WARN("asynchronous failover: " << acknowledged
                                 << " deliveries sent, acknowledged and applied after the last that the standby had, " << lost
                                 << " lost, swept " << swept.Text(0, 0) << ", no wrong row");
  CHECK(it.bridge.Terminate() == std::optional<int>{0});
}

}  // namespace membridge::e2e
