// An older binary and this one side by side on one database, under load, and back again. tests/deploy/upgrade gives it the older
// one.
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "sync/migrations/migrate.hpp"
#include "tests/e2e/profiles.hpp"
#include "tests/e2e/upgrade_data.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

/// The older binary, or the one that was just built.
std::string OldProgram() {
  const char* given = std::getenv("MEMBRIDGE_OLD_PROGRAM");
  return given != nullptr ? given : "";
}

/// Posts deliveries about these memories until told to stop. What one node does not take is given to the next, as a proxy does.
struct UpgradeSender {
  std::map<int, int> answers;          // by status; 0 is a node that does not listen
  std::set<std::string> acknowledged;  // ids of deliveries
  std::atomic<std::size_t> rounds{0};  // how often every memory was spoken of

  void Send(const std::vector<std::string>& nodes, const std::vector<std::string>& memories, const std::atomic<bool>& stop) {
    std::vector<test::HttpClient> clients(nodes.size());
    for (std::size_t i = 0, node = 0; !stop; ++node) {
      const nlohmann::json delivery{{"event_details", {{"id", memories[i % memories.size()]}, {"event", "UPDATE"}}}};
      const std::size_t at = node % nodes.size();
      const auto answer = clients[at].Post(nodes[at], delivery.dump());
      ++answers[answer.status];
      if (answer.status != 200) continue;
      acknowledged.insert(nlohmann::json::parse(answer.body).at("delivery"));
      if (++i % memories.size() == 0) ++rounds;
    }
  }
};

/// A database that the older binary made and filled, and a bridge of either age.
class Upgrade {
 public:
  Upgrade() {
    world.Database().RunScript("DROP SCHEMA membridge CASCADE");
    for (int i = 0; i < 40; ++i)
      memories.push_back(
          world.Mem0().Add(fmt::format("user-{}", i), chatter.Text(), chatter.Metadata(), chatter.Categories(), false));
  }

  test::BridgeOptions Of(const std::string& program) const {
    test::BridgeOptions options = profiles.Options("[{name: profiles, project: crm, export: profile, schedule: '30 4 1 1 *'}]");
    data.AddTo(options);
    options.program = program;
    return options;
  }

  std::map<std::string, int> Applied() const {
    std::map<std::string, int> numbers;
    for (const auto kind : {sync::MigrationKind::kState, sync::MigrationKind::kLedger})
      numbers[std::string{sync::NameOf(kind)}] = std::stoi(world.Database().Value(
          "SELECT max(number) FROM membridge.migrations WHERE kind = $1", {std::string{sync::NameOf(kind)}}));
    return numbers;
  }

  /// Whether all migrations that came after these say that the older binary may go on.
  bool OldMay(const std::map<std::string, int>& known) const {
    return world.Database().Count(fmt::format("membridge.migrations WHERE number > CASE kind WHEN 'state' THEN {0} ELSE {1} END\n"
                                              "AND coalesce(runs_beside, number) > CASE kind WHEN 'state' THEN {0} ELSE {1} END",
                                              known.at("state"), known.at("ledger"))) == 0;
  }

  /// Waits until so many more deliveries are stored, and so many more memories were read by each of these.
  void More(int deliveries, const std::vector<const test::Bridge*>& by) {
    const auto claimed = [](const test::Bridge& bridge) { return bridge.Metric("membridge_memories_claimed_total").value_or(0); };
    std::vector<double> before;
    for (const auto* bridge : by) before.push_back(claimed(*bridge));
    const auto stored = world.Database().Count("membridge.deliveries");
    CHECK(test::WaitUntil([&] { return world.Database().Count("membridge.deliveries") >= stored + deliveries; }, 60s));
    for (std::size_t i = 0; i < by.size(); ++i) CHECK(test::WaitUntil([&] { return claimed(*by[i]) > before[i]; }, 60s));
    // What the load is about changes all the while, and only the load tells of it.
    for (std::size_t i = 1; i < memories.size(); i += 3) world.Mem0().Update(memories[i], chatter.Text(), false);
  }

  const std::uint64_t seed = SeedOfRun();
  World world{seed};
  Profiles profiles{world};
  UpgradeData data{world};
  Chatter chatter{seed};
  std::vector<std::string> memories;
  test::Bridge old{Of(OldProgram())};
  test::Bridge now{Of({})};
};

/// The older one goes on beside the newer one, takes over again alone, and gives back.
void BesideAndBack(Upgrade& upgrade) {
  CHECK(upgrade.old.WaitReady());
  upgrade.More(60, {&upgrade.old, &upgrade.now});
  CHECK(upgrade.old.Terminate() == std::optional<int>{0});
  upgrade.More(60, {&upgrade.now});
  upgrade.old.Start();
  CHECK(upgrade.now.Terminate() == std::optional<int>{0});
  upgrade.More(60, {&upgrade.old});
  upgrade.now.Start();
  upgrade.More(60, {&upgrade.old, &upgrade.now});
}

/// The older one may not: it sends deliveries to the newer one, and does not start again.
void NoLonger(Upgrade& upgrade) {
  CHECK(test::WaitUntil([&] { return test::HttpClient{}.Get(upgrade.old.AdminUrl() + "/readyz").status == 503; }));
  CHECK(upgrade.old.Terminate().has_value());
  const auto refused = test::RunMembridge({"serve", "--config", upgrade.old.ConfigFile()}, OldProgram());
  CHECK(refused.status == 1);
  CHECK(refused.err.find("the database is newer than this membridge") != std::string::npos);
  CHECK(refused.err.find("start a membridge that knows") != std::string::npos);
  upgrade.More(60, {&upgrade.now});
}

}  // namespace

TEST_CASE(
    "an older bridge and this one share a database with data in every table, under load, and the older one takes over again",
    "[e2e][upgrade]") {
  Upgrade upgrade;
  CAPTURE(upgrade.seed, OldProgram());
  CHECK(test::RunMembridge({"migrate", "--config", upgrade.old.ConfigFile().string()}, OldProgram()).status == 0);
  upgrade.world.PretendAnotherListens();
  upgrade.data.FillByCommands(upgrade.old, OldProgram());
  upgrade.old.Start();
  const std::string url = upgrade.world.Subscribe(upgrade.old);
  const std::vector<std::string> nodes{url, upgrade.now.Url() + url.substr(upgrade.old.Url().size())};
  upgrade.data.FillByServing(upgrade.old, url);
  const auto known = upgrade.Applied();

  std::atomic<bool> stop{false};
  std::array<UpgradeSender, 2> senders;
  std::vector<std::thread> threads;
  for (UpgradeSender& sender : senders) threads.emplace_back([&] { sender.Send(nodes, upgrade.memories, stop); });
  upgrade.More(60, {&upgrade.old});
  CHECK(test::WaitUntil([&] {
    upgrade.data.LookAtTables();  // the queue has something now and then
    return upgrade.data.Lacking().empty();
  }));
  CHECK(upgrade.data.Lacking() == std::vector<std::string>{});
  const std::vector<std::string> empty = upgrade.data.Empty();
  upgrade.now.Start();
  const bool beside = upgrade.OldMay(known);
  if (beside) {
    BesideAndBack(upgrade);
  } else {
    NoLonger(upgrade);
  }
  const std::size_t rounds = senders[0].rounds;
  CHECK(test::WaitUntil([&] { return senders[0].rounds >= rounds + 2; }, 60s));  // every memory after its last change
  stop = true;
  for (std::thread& thread : threads) thread.join();
  REQUIRE(upgrade.world.WaitSettled());

  std::map<int, int> answers;
  std::set<std::string> acknowledged;
  for (const UpgradeSender& sender : senders) {
    for (const auto& [status, count] : sender.answers) answers[status] += count;
    acknowledged.insert(sender.acknowledged.begin(), sender.acknowledged.end());
  }
  const World& world = upgrade.world;
  const auto stored = nlohmann::json::parse(world.Database().Value("SELECT json_agg(DISTINCT id) FROM membridge.deliveries"))
                          .get<std::set<std::string>>();
  const auto applied = upgrade.Applied();
  WARN("upgrade: state " << known.at("state") << " to " << applied.at("state") << ", ledger " << known.at("ledger") << " to "
                         << applied.at("ledger") << "; " << (beside ? "side by side and back" : "the older one stopped") << "; "
                         << answers[200] << " deliveries sent and acknowledged, " << answers[0]
                         << " tries at a node that was away, " << stored.size() << " stored, " << upgrade.memories.size()
                         << " memories applied; " << upgrade.data.Filled()
                         << " tables with data, without: " << fmt::format("{}", fmt::join(empty, " ")));
  CHECK(std::includes(stored.begin(), stored.end(), acknowledged.begin(), acknowledged.end()));
  CHECK(world.Database().Value("SELECT sum(events) FROM crm.heard") == std::to_string(stored.size()));
  upgrade.data.PutRight(upgrade.now);
  REQUIRE(upgrade.world.WaitSettled());
  CHECK(upgrade.world.WrongRows() == std::vector<std::string>{});
  answers.erase(200);
  answers.erase(0);
  if (beside) CHECK(answers == std::map<int, int>{});
  CHECK(upgrade.now.Terminate() == std::optional<int>{0});
}

}  // namespace membridge::e2e
