#include <fstream>
#include <optional>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using test::RunMembridge;

TEST_CASE("serve registers its webhook once, and keeps it as configured", "[e2e][webhooks]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.manage = true;
  test::Bridge bridge{options};
  bridge.Start();
  const auto registered = [&] { return world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second; };
  REQUIRE(test::WaitUntil([&] { return registered().size() == 1; }, 30s));
  world.Mem0().Add("ada", "Name is Ada Lovelace");
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE name = 'Ada Lovelace'") == 1; }));

  const std::string url = registered()[0]["url"];
  const std::string token = url.substr(url.rfind('/') + 1);
  CHECK(token.size() == 43);
  CHECK(bridge.Terminate() == std::optional<int>{0});
  bridge.Start();
  CHECK(test::WaitUntil(
      [&] { return bridge.Metric("membridge_webhook_checks_total{outcome=\"ok\",project=\"crm\"}").value_or(0) >= 1; }));
  CHECK(registered().size() == 1);
  CHECK(registered()[0]["url"] == url);

  const auto listed = RunMembridge({"webhooks", "list", "--config", bridge.ConfigFile()});
  CHECK(listed.status == 0);
  CHECK(listed.out.find("membridge-crm") != std::string::npos);
  CHECK(listed.out.find(token) == std::string::npos);
  const auto plan = RunMembridge({"webhooks", "plan", "--json", "--config", bridge.ConfigFile()});
  CHECK(nlohmann::json::parse(plan.out)["projects"][0]["changes"] == false);
  CHECK(bridge.Log().find(token) == std::string::npos);
}

TEST_CASE("serve does not start with a mapping that does not fit, and tells every problem", "[e2e]") {
  World world{SeedOfRun()};
  const test::ScratchFolder folder;
  const std::string mapping = folder.path() / "contacts.yaml";
  std::ofstream{mapping}
      << "rows:\n  contact:\n    table: crm.contacts\n    key: {user_reff: $memory.user_id}\n    set: {nam: $memory.text}\n";
  test::BridgeOptions options = world.Options();
  options.mapping = mapping;
  test::Bridge bridge{options};
  const auto outcome = RunMembridge({"serve", "--config", bridge.ConfigFile()});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find(mapping + ":4:") != std::string::npos);
  CHECK(outcome.err.find(mapping + ":5:") != std::string::npos);
  CHECK(outcome.err.find("2 problems in 1 file, nothing started") != std::string::npos);
  const auto check = RunMembridge({"check", "--config", bridge.ConfigFile()});
  CHECK(check.status == 2);
}

TEST_CASE("a memory that cannot be applied is parked alone, and applied once its cause has gone", "[e2e][parked]") {
  World world{SeedOfRun()};
  world.Database().RunScript("ALTER TABLE crm.contacts ADD CONSTRAINT no_initech CHECK (company <> 'Initech')");
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  const std::string refused = world.Mem0().Add("ada", "Works at Initech");
  world.Mem0().Add("grace", "Name is Grace Hopper");
  REQUIRE(test::WaitUntil([&] { return world.Database().Count("membridge.parked") == 1; }));
  REQUIRE(world.WaitSettled());
  CHECK(world.Database().Count("crm.contacts WHERE name = 'Grace Hopper'") == 1);
  CHECK(world.Database().Count("crm.contacts WHERE user_ref = 'ada'") == 0);

  const std::string config = bridge.ConfigFile();
  const auto listed = RunMembridge({"parked", "list", "--json", "--config", config});
  REQUIRE(listed.status == 0);
  const auto groups = nlohmann::json::parse(listed.out)["groups"];
  REQUIRE(groups.size() == 1);
  CHECK(groups[0]["sqlstate"] == "23514");
  CHECK(groups[0]["example"] == refused);
  CHECK(RunMembridge({"plan", "contacts", "--memory", refused, "--config", config}).status == 1);

  world.Database().RunScript("ALTER TABLE crm.contacts DROP CONSTRAINT no_initech");
  CHECK(RunMembridge({"plan", "contacts", "--memory", refused, "--config", config}).status == 3);
  const auto counted = RunMembridge({"parked", "retry", "--all", "--config", config});
  CHECK(counted.out == "1 memory would be tried again; add --yes to do it\n");
  CHECK(RunMembridge({"parked", "retry", "--all", "--yes", "--config", config}).out == "1 memory will be tried again\n");
  CHECK(test::WaitUntil([&] { return world.Database().Count("membridge.parked") == 0; }));
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(RunMembridge({"plan", "contacts", "--memory", refused, "--config", config}).status == 0);
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
}

TEST_CASE("deliveries are listed, shown and replayed", "[e2e][deliveries]") {
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  const std::string memory = world.Mem0().Add("ada", "Works at Initech");
  REQUIRE(world.WaitSettled());
  const std::string config = bridge.ConfigFile();
  const auto listed = RunMembridge({"deliveries", "list", "--json", "--memory", memory, "--since", "1h", "--config", config});
  REQUIRE(listed.status == 0);
  const auto deliveries = nlohmann::json::parse(listed.out)["deliveries"];
  REQUIRE(deliveries.size() == 1);
  CHECK(deliveries[0]["verdict"] == "add");
  CHECK(deliveries[0]["outcome"] == "applied");
  const auto of_outcome = [&](const char* outcome) {
    return RunMembridge({"deliveries", "list", "--outcome", outcome, "--memory", memory, "--config", config});
  };
  CHECK(of_outcome("applied").out.find(memory) != std::string::npos);
  CHECK(of_outcome("parked").out == "no delivery fits the filter\n");
  CHECK(of_outcome("lost").status == 2);
  CHECK(of_outcome("lost").err ==
        "error: --outcome: there is no outcome \"lost\"; it is one of parked, blocked, waiting, received, incomplete, applied, "
        "withdrawn, unchanged, left_out, nothing\n");
  const auto shown = RunMembridge({"deliveries", "show", deliveries[0]["id"].get<std::string>(), "--config", config});
  CHECK(shown.status == 0);
  CHECK(shown.out.find(world.Token()) == std::string::npos);
  CHECK(RunMembridge({"deliveries", "show", "none", "--config", config}).status == 1);

  // A change nobody told of shows once the old delivery is replayed.
  world.Mem0().Edit(memory, nlohmann::json{{"text", "Works at Globex"}}, false);
  CHECK(RunMembridge({"deliveries", "replay", "--memory", memory, "--yes", "--config", config}).out ==
        "1 memory will be read again\n");
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE company = 'Globex'") == 1; }));
}

TEST_CASE("a bridge on an embedded database comes back after being killed", "[e2e][embedded]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.database = "embedded";
  options.manage = true;
  test::Bridge bridge{options};
  REQUIRE(
      RunMembridge({"migrate", "--config", bridge.ConfigFile(), "--run", MEMBRIDGE_SOURCE "/deploy/example-schema.sql"}).status ==
      0);
  bridge.Start();
  REQUIRE(test::WaitUntil([&] { return world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second.size() == 1; }));
  world.Mem0().SetDelivery({{"retries", 200}, {"retry_delay_ms", 200}});
  const std::string memory = world.Mem0().Add("ada", "Works at Initech");
  bridge.Kill();
  bridge.Start();
  REQUIRE(world.Mem0().WaitIdle(60s));
  const auto would_change = [&] {
    return RunMembridge({"plan", "contacts", "--memory", memory, "--config", bridge.ConfigFile()}).status;
  };
  CHECK(test::WaitUntil([&] { return would_change() == 0; }, 60s));
  CHECK(bridge.Terminate() == std::optional<int>{0});
}

}  // namespace
}  // namespace membridge::e2e
