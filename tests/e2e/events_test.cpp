#include <fstream>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

constexpr const char* kEventsTables =
    "CREATE TABLE fact (delivery uuid PRIMARY KEY, type text NOT NULL, memory_id text NOT NULL, text text NOT NULL);"
    "CREATE TABLE per_type (type text PRIMARY KEY, events int NOT NULL DEFAULT 0)";
constexpr const char* kEventsMapping = R"(from: event
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
  world.PretendAnotherListens();
  world.Database().RunScript(kEventsTables);
  const test::ScratchFolder folder;
  std::ofstream{folder.path() / "events.yaml"} << kEventsMapping;
  test::BridgeOptions options = world.Options();
  options.mapping = folder.path() / "events.yaml";
  test::Bridge bridge{options};
  bridge.Start();
  world.Subscribe(bridge);
  world.Mem0().SetDelivery({{"duplicate", 0.3}, {"reorder", 0.5}});

  Chatter chatter{seed};
  std::vector<std::string> memories;
  const test::PgDatabase& db = world.Database();
  for (int round = 0; round < 3; ++round) {
    const std::int64_t before = db.Count("membridge.deliveries");
    for (int i = 0; i < 40; ++i) memories.push_back(world.Mem0().Add("ada", chatter.Text()));
    for (int i = 0; i < 60; ++i) world.Mem0().Update(memories[chatter.Below(memories.size())], chatter.Text());
    if (round == 2) break;
    // Some have come and some have not.
    REQUIRE(test::WaitUntil([&] { return db.Count("membridge.deliveries") >= before + 30; }));
    bridge.Kill();
    bridge.Start();
  }
  REQUIRE(world.WaitSettled());
  CHECK(db.Count("membridge.deliveries") >= 160);
  CHECK(db.Count("fact") == db.Count("membridge.deliveries"));
  CHECK(db.Value("SELECT sum(events) FROM per_type") == db.Value("SELECT count(*) FROM fact"));
  CHECK(db.Value("SELECT events FROM per_type WHERE type = 'ADD'") ==
        db.Value("SELECT count(*) FROM membridge.deliveries WHERE verdict = 'add'"));
  CHECK(db.Count("membridge.events") == 0);
  CHECK(db.Count("membridge.parked") == 0);
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

TEST_CASE("the commands know mappings from events and exports", "[e2e]") {
  World world{SeedOfRun()};
  world.PretendAnotherListens();
  world.Database().RunScript(kEventsTables);
  world.Database().RunScript("CREATE TABLE profile (user_id text PRIMARY KEY, role varchar(20), years smallint)");
  const test::ScratchFolder folder;
  const std::string events = folder.path() / "events.yaml", profile = folder.path() / "profile.yaml",
                    event = folder.path() / "event.json";
  std::ofstream{events} << kEventsMapping;
  std::ofstream{profile} << "from: export\nask: {role: Job title, years: Years in it}\nrows:\n  profile:\n    table: profile\n"
                            "    key: {user_id: $export.user_id}\n    set: {role: $export.role, years: $export.years}\n";
  test::BridgeOptions options = world.Options();
  options.mapping = events;
  options.more_mappings = {profile};
  test::Bridge bridge{options};
  bridge.Start();
  world.Subscribe(bridge);
  const std::string tea = world.Mem0().Add("ada", "Likes tea");
  REQUIRE(test::WaitUntil([&] { return world.Database().Count("fact") == 1; }));
  const std::string delivery = world.Database().Value("SELECT delivery FROM fact");
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--config", bridge.ConfigFile()});
    return test::RunMembridge(arguments);
  };
  const auto write_event = [&](const std::string& id) {
    std::ofstream{event} << R"({"id": ")" << id
                         << R"(", "type": "ADD", "time": "2026-08-03T10:00:00Z", "memory": {"id": "m", "memory": "Likes rum"}})";
  };

  write_event("0e0e0e0e-0000-4000-8000-000000000001");
  const auto planned = run({"plan", "events", "--event", event});
  CHECK(planned.status == 3);
  CHECK(planned.out.find("event 0e0e0e0e-0000-4000-8000-000000000001 → " + events) == 0);
  CHECK(planned.out.find("'Likes rum'") != std::string::npos);
  CHECK(world.Database().Count("fact") == 1);
  write_event(delivery);
  CHECK(run({"plan", "events", "--event", event}).status == 0);
  std::ofstream{event} << R"({"user_id": "ada", "role": "Analyst", "years": 7})";
  CHECK(run({"plan", "profile", "--export", event}).status == 3);
  std::ofstream{event} << R"({"user_id": "ada", "years": "eight"})";
  CHECK(run({"plan", "profile", "--export", event}).status == 1);
  CHECK(run({"plan", "events", "--memory", tea}).status == 2);
  CHECK(run({"plan", "events", "--all"}).err.find("give it one with --event FILE") != std::string::npos);
  CHECK(run({"plan", "profile", "--event", event}).status == 2);
  CHECK(run({"reproject", "events"}).status == 2);

  const auto why = run({"why", "fact", delivery});
  CHECK(why.status == 0);
  CHECK(why.out.find("for event " + delivery + " of memory " + tea) != std::string::npos);
  const auto schema = nlohmann::json::parse(run({"schema", "profile"}).out);
  CHECK(schema["properties"]["role"]["anyOf"][0] == nlohmann::json{{"type", "string"}, {"maxLength", 20}});
  CHECK(schema["properties"]["years"]["anyOf"][0]["type"] == "integer");
  CHECK(run({"schema", "events"}).status == 2);
}

}  // namespace membridge::e2e
