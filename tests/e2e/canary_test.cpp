#include <optional>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {

using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("a canary is heard, missed when deliveries are lost, heard again, and seen by no mapping", "[e2e][canary]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.manage = true;
  options.project = "canary: {every: 1s, deadline: 2s}";
  test::Bridge bridge{options};
  bridge.Start();
  const auto outcomes = [&](const std::string& outcome) {
    return bridge.Metric("membridge_canaries_total{outcome=\"" + outcome + "\",project=\"crm\"}").value_or(0);
  };
  const auto note = [&] { return json::parse(test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz").body)["checks"]["canary"]; };
  REQUIRE(test::WaitUntil([&] { return outcomes("heard") >= 1; }, 60s));
  CHECK(test::WaitUntil([&] { return note()["ok"] == true; }));

  const std::size_t before = bridge.Log().size();
  const double lost = outcomes("lost");
  world.Mem0().SetDelivery({{"loss", 1}});
  REQUIRE(test::WaitUntil([&] { return outcomes("lost") >= lost + 2; }, 60s));
  CHECK(bridge.Metric("membridge_canary_misses{project=\"crm\"}").value_or(0) >= 1);
  CHECK(note()["ok"] == false);
  CHECK(test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz").status == 200);
  const std::string log = bridge.Log().substr(before);
  const auto alarm = log.find("\"canary_lost\"");
  REQUIRE(alarm != std::string::npos);
  CHECK(log.find("\"canary_lost\"", alarm + 1) == std::string::npos);  // once a streak

  world.Mem0().SetDelivery({{"loss", 0}});
  CHECK(test::WaitUntil([&] { return bridge.Metric("membridge_canary_misses{project=\"crm\"}") == 0.0; }, 60s));
  CHECK(test::WaitUntil([&] { return bridge.Log().find("\"canary_heard_again\"") != std::string::npos; }));
  CHECK(world.Mem0().Truth().size() <= 1);
  CHECK(bridge.Terminate() == std::optional<int>{0});
  for (const char* table : {"crm.contacts", "crm.notes", "crm.tags", "membridge.contributions", "membridge.parked"}) {
    CAPTURE(table);
    CHECK(world.Database().Count(table) == 0);
  }
}

namespace {

/// What doctor says of the project's canary; null: nothing.
json CanaryByDoctor(const test::Bridge& bridge, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{"doctor", "--json", "--config", bridge.ConfigFile()};
  words.insert(words.end(), more.begin(), more.end());
  const json said = json::parse(test::RunMembridge(words).out);
  for (const json& check : said["checks"]) {
    if (check["check"] == "canary crm") return check;
  }
  return {};
}

}  // namespace

TEST_CASE("doctor lets a canary out and waits for its delivery", "[e2e][canary][operate]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.manage = true;
  test::Bridge bridge{options};
  bridge.Start();
  // The webhook is registered some moments after the start.
  json found;
  REQUIRE(test::WaitUntil([&] { return !(found = CanaryByDoctor(bridge)).is_null(); }));
  CAPTURE(found);
  CHECK(found["state"] == "ok");
  CHECK(found["message"].get<std::string>().find("reachable from outside") == 0);
  CHECK(world.Mem0().Truth().empty());
  CHECK(CanaryByDoctor(bridge, {"--no-canary"}).is_null());

  world.Mem0().SetFaults({{"server_error", 1}, {"endpoints", {"memories.add"}}});
  const json refused = CanaryByDoctor(bridge);
  CHECK(refused["state"] == "fix this");
  CHECK(refused["message"].get<std::string>().find("Mem0 did not take a test memory") == 0);
  CHECK(bridge.Terminate() == std::optional<int>{0});
  CHECK(world.Database().Count("crm.contacts") == 0);
}

TEST_CASE("doctor says how to mend a way on which deliveries get lost", "[e2e][canary][operate]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.manage = true;
  options.project = "canary: {every: 1h, deadline: 2s}";
  test::Bridge bridge{options};
  bridge.Start();
  world.Mem0().SetDelivery({{"loss", 1}});
  json lost;
  REQUIRE(test::WaitUntil([&] { return !(lost = CanaryByDoctor(bridge)).is_null(); }));
  CAPTURE(lost);
  CHECK(lost["state"] == "fix this");
  CHECK(lost["message"] == "a memory was written at Mem0, and no delivery of it arrived within 2 s");
  CHECK(lost["hint"].get<std::string>().find("make sure that Mem0, and not only this machine, reaches " + bridge.Url()) == 0);
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

}  // namespace membridge::e2e
