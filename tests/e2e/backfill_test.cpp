#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/e2e/profiles.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kSweep = "{name: sweep, project: crm, sweep: full, schedule: '0 3 1 1 *'}";

/// A bridge with a sweep, which is told of what happens at its Mem0.
struct Sweeping {
  Sweeping() {
    world.PretendAnotherListens();
    bridge.Start();
    world.Subscribe(bridge);
  }
  const std::uint64_t seed = SeedOfRun();
  World world{seed};
  Profiles profiles{world};
  test::Bridge bridge{profiles.Options("[" + std::string{kSweep} + "]")};
};

/// Waits for the newest run of a backfill to be over, and answers it.
json WaitForRun(const World& world, const test::Bridge& bridge, const std::string& name) {
  const auto over = [&] {
    return world.Database().Count("membridge.backfill_runs WHERE name = '" + name + "' AND finished_at IS NOT NULL") > 0 &&
           world.Database().Count("membridge.backfill_runs WHERE name = '" + name + "' AND finished_at IS NULL") == 0;
  };
  if (!test::WaitUntil(over, 120s)) throw std::runtime_error("the run of " + name + " does not end:\n" + bridge.Log());
  return NewestRun(bridge, name);
}

/// As if serve had last looked two years ago: one moment of a yearly schedule at least was missed.
void PretendScheduledBefore(const World& world, const std::string& name, const std::string& schedule) {
  world.Database().Run(
      "INSERT INTO membridge.backfill_schedules (name, schedule, since) VALUES ($1, $2, now() - interval '2 years')",
      {name, schedule + " UTC"});
}

}  // namespace

TEST_CASE("of two serve one runs what the schedule says, and what was missed is made up for once", "[e2e][backfill]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  Profiles profiles{world};
  profiles.AddUsers(6);
  const auto options =
      profiles.Options("[" + std::string{kSweep} + ", {name: nightly, project: crm, export: profile, schedule: '30 4 1 1 *'}]");
  test::Bridge bridge{options};
  test::Bridge other{options};
  REQUIRE(test::RunMembridge({"migrate", "--config", bridge.ConfigFile()}).status == 0);
  PretendScheduledBefore(world, "sweep", "0 3 1 1 *");
  PretendScheduledBefore(world, "nightly", "30 4 1 1 *");
  world.Mem0().SetExports({{"ready_after_ms", 5}});
  bridge.Launch();
  other.Start();
  REQUIRE(bridge.WaitReady());

  const json sweep = WaitForRun(world, bridge, "sweep");
  CHECK(sweep.at("state") == "done");
  CHECK(sweep.at("scheduled_for").get<std::string>().substr(4, 12) == "-01-01T03:00");
  CHECK(sweep.at("done") == 6);
  CHECK(world.WrongRows() == std::vector<std::string>{});
  const json nightly = WaitForRun(world, bridge, "nightly");
  CHECK(nightly.at("state") == "done");
  CHECK(nightly.at("counters").at("applied") == 6);
  CHECK(profiles.Cell("name", "user-03") == "Name 3");
  CHECK(world.Mem0().Control("GET", "/exports").at("jobs").size() == 6);
  CHECK(world.Database().Count("membridge.backfill_runs") == 2);

  CHECK(test::WaitUntil(
      [&] { return bridge.Metric("membridge_backfill_runs_total{backfill=\"sweep\",outcome=\"done\"}") == 1.0; }));
  CHECK(test::WaitUntil(
      [&] { return bridge.Metric("membridge_backfill_last_success_age_seconds{backfill=\"nightly\"}").value_or(9999) < 600; }));
  CHECK(bridge.Metric("membridge_backfill_running{backfill=\"sweep\"}") == 0.0);
  CHECK(test::WaitUntil(
      [&] { return other.Metric("membridge_backfill_runs_total{backfill=\"nightly\",outcome=\"done\"}") == 1.0; }));
  CHECK(world.Leaks(bridge.Log() + other.Log()) == std::vector<std::string>{});
  CHECK(bridge.Terminate() == std::optional<int>{0});
  CHECK(other.Terminate() == std::optional<int>{0});
}

TEST_CASE("half of all deliveries are lost, deletes too, and one sweep of serve repairs and counts them", "[e2e][backfill]") {
  Sweeping sweeping;
  CAPTURE(sweeping.seed);
  World& world = sweeping.world;
  test::Bridge& bridge = sweeping.bridge;
  Chatter chatter{sweeping.seed};
  std::vector<std::string> memories;
  for (int i = 0; i < 90; ++i) {
    memories.push_back(world.Mem0().Add("user-" + std::to_string(i % 20), chatter.Text(), chatter.Metadata()));
  }
  REQUIRE(world.WaitSettled());
  JsonOf(bridge, {"sweep", "--full"});  // what is unknown to the first sweep was there before the bridge; from now on it was lost

  // Every second change is told to nobody.
  for (int i = 0; i < 30; ++i) {
    const bool told = i % 2 == 0;
    world.Mem0().Update(memories[static_cast<std::size_t>(i)], "Works at Company " + std::to_string(i), told);
    world.Mem0().Delete(memories[static_cast<std::size_t>(30 + i)], told);
    world.Mem0().Add("user-" + std::to_string(i % 20), chatter.Text(), chatter.Metadata(), {}, told);
  }
  REQUIRE(world.WaitSettled());
  CHECK_FALSE(world.WrongRows().empty());
  CHECK(JsonOf(bridge, {"backfill", "run", "sweep", "--no-wait"}).at("state") != "done");
  const json run = WaitForRun(world, bridge, "sweep");
  CAPTURE(run.dump());
  REQUIRE(world.WaitSettled());
  CHECK(run.at("state") == "done");
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(run.at("repaired") == json{{"added", 15}, {"updated", 15}, {"deleted", 15}});
  CHECK(test::WaitUntil(
      [&] { return bridge.Metric("membridge_backfill_repaired_total{backfill=\"sweep\",change=\"deleted\"}") == 15.0; }));
  CHECK(bridge.Metric("membridge_backfill_repaired_total{backfill=\"sweep\",change=\"updated\"}") == 15.0);
}

TEST_CASE("live deliveries go ahead of a sweep and are never overwritten by its pages", "[e2e][backfill]") {
  Sweeping sweeping;
  CAPTURE(sweeping.seed);
  World& world = sweeping.world;
  test::Bridge& bridge = sweeping.bridge;
  world.Mem0().Load(40, 2'400, {{"text", "Works at Firm {i}"}});
  std::vector<std::string> memories;
  for (const auto& [id, record] : world.Mem0().Truth()) memories.push_back(id);
  JsonOf(bridge, {"backfill", "run", "sweep", "--no-wait"});
  const auto running = [&] { return world.Database().Count("membridge.backfill_runs WHERE state = 'running' AND done > 0") > 0; };
  REQUIRE(test::WaitUntil(running));

  std::vector<std::chrono::milliseconds> took;
  for (std::size_t i = 0; i < 24 && running(); ++i) {
    const std::string& memory = memories[i * 97 % memories.size()];
    const std::string text = "Works at Live " + std::to_string(i);
    const auto began = std::chrono::steady_clock::now();
    world.Mem0().Update(memory, text);
    REQUIRE(test::WaitUntil([&] {
      return world.Database().Count("membridge.memories WHERE memory_id = '" + memory + "' AND record ->> 'text' = '" + text +
                                    "'") == 1;
    }));
    took.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began));
  }
  const json run = WaitForRun(world, bridge, "sweep");
  REQUIRE(world.WaitSettled());
  CHECK(run.at("state") == "done");
  CHECK(took.size() >= 3);
  CHECK(world.WrongRows() == std::vector<std::string>{});
  std::sort(took.begin(), took.end());
  WARN(fmt::format("{} live changes during a sweep of 2,400: the median was applied after {} ms, the slowest after {} ms",
                   took.size(), took[took.size() / 2].count(), took.back().count()));
}

TEST_CASE("kill -9 in the middle of a sweep and of sixty exports: both go on where they stopped", "[e2e][backfill][crash]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  Profiles profiles{world};
  profiles.AddUsers(60);
  world.Mem0().Load(10, 1'600, {{"text", "Works at Firm {i}"}, {"user_id", "user-1{u}"}});
  world.Mem0().SetExports({{"ready_after_ms", 5},
                           {"users",
                            {{"user-30", {{"patch", {{"years", "eight"}}}}},
                             {"user-31", {{"patch", {{"name", "A name much longer than its column is"}}}}},
                             {"user-32", {{"patch", {{"mood", "good"}}}}},
                             {"user-33", {{"never_ready", true}}}}}});
  world.Mem0().SetFaults({{"rate_limited", 0.1}, {"latency_ms", 20}});
  test::Bridge bridge{profiles.Options(
      "[" + std::string{kSweep} + ", {name: nightly, project: crm, export: profile, deadline: 12s, schedule: '30 4 1 1 *'}]")};
  bridge.Start();
  JsonOf(bridge, {"backfill", "run", "nightly", "--no-wait"});
  const auto jobs = [&] { return world.Mem0().Control("GET", "/exports").at("jobs").size(); };
  REQUIRE(test::WaitUntil([&] { return jobs() >= 10; }, 60s));
  JsonOf(bridge, {"backfill", "run", "sweep", "--no-wait"});
  REQUIRE(
      test::WaitUntil([&] { return world.Database().Count("membridge.backfill_runs WHERE name = 'sweep' AND done > 0") == 1; }));
  bridge.Kill();
  REQUIRE(jobs() < 60);
  REQUIRE(world.Database().Count("membridge.backfill_runs WHERE state = 'running'") == 2);
  bridge.Start();

  const json sweep = WaitForRun(world, bridge, "sweep");
  const json nightly = WaitForRun(world, bridge, "nightly");
  REQUIRE(world.WaitSettled());
  CAPTURE(sweep.dump(), nightly.dump());
  CHECK(sweep.at("state") == "done");
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(nightly.at("state") == "done");
  CHECK(nightly.at("error").get<std::string>().rfind("of 60 users, 1 failed and 1 are parked; user ", 0) == 0);
  CHECK(jobs() <= 62);
  CHECK(nightly.at("counters").at("extra_keys") == 1);
  for (int i = 0; i < 60; ++i) {
    const std::string user = fmt::format("user-{:02}", i);
    CAPTURE(user);
    if (i == 30 || i == 33) {
      CHECK(world.Database().Count("crm.profiles WHERE user_id = '" + user + "'") == 0);
    } else {
      CHECK(profiles.Cell("name", user) == (i == 31 ? "A name much longer t" : fmt::format("Name {}", i)));
    }
  }
  CHECK(test::WaitUntil([&] { return bridge.Metric("membridge_backfill_parked_users{mapping=\"profile\"}") == 1.0; }));
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
}

}  // namespace membridge::e2e
