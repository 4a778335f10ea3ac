#include <fstream>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

constexpr const char* kTables =
    "CREATE TABLE fact (delivery uuid PRIMARY KEY, type text NOT NULL, memory_id text NOT NULL, text text NOT NULL);"
    "CREATE TABLE per_type (type text PRIMARY KEY, events int NOT NULL DEFAULT 0)";
constexpr const char* kMapping = R"(from: event
rows:
  fact:
    table: fact
    key: {delivery: $event.id}
    new: {type: $event.type, memory_id: $memory.id, text: $memory.text}
  total:
    table: per_type
    key: {type: $event.type}
    add: {events: 1}
)";

}  // namespace

TEST_CASE("every delivery that was acknowledged is counted once, through kills and repetitions", "[e2e]") {
  const std::uint64_t seed = SeedOfRun();
  CAPTURE(seed);
  World world{seed};
  world.Database().RunScript(kTables);
  const test::ScratchFolder folder;
  std::ofstream{folder.path() / "events.yaml"} << kMapping;
  test::BridgeOptions options = world.Options();
  options.mapping = folder.path() / "events.yaml";
  test::Bridge bridge{options};
  bridge.Start();
  world.Subscribe(bridge);
  world.Mem0().SetDelivery({{"duplicate", 0.3}, {"reorder", 0.5}});

  Chatter chatter{seed};
  std::vector<std::string> memories;
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) memories.push_back(world.Mem0().Add("ada", chatter.Text()));
    for (int i = 0; i < 60; ++i) world.Mem0().Update(memories[chatter.Below(memories.size())], chatter.Text());
    if (round == 2) break;
    bridge.Kill();
    bridge.Start();
  }
  REQUIRE(world.WaitSettled());
  const test::PgDatabase& db = world.Database();
  CHECK(db.Count("membridge.deliveries") > 200);
  CHECK(db.Count("fact") == db.Count("membridge.deliveries"));
  CHECK(db.Value("SELECT sum(events) FROM per_type") == db.Value("SELECT count(*) FROM fact"));
  CHECK(db.Value("SELECT events FROM per_type WHERE type = 'ADD'") ==
        db.Value("SELECT count(*) FROM membridge.deliveries WHERE verdict = 'add'"));
  CHECK(db.Count("membridge.events") == 0);
  CHECK(db.Count("membridge.parked") == 0);
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

}  // namespace membridge::e2e
