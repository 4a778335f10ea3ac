// A bridge that Mem0 cannot reach.
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {

TEST_CASE("membridge dev keeps rows equal to memories without any webhook", "[e2e][dev]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.manage = true;
  options.public_url = "https://unreachable.example.com";
  options.project = "canary: {every: 1s, deadline: 1s}";
  options.command = {"dev", "--every", "1s"};
  test::Bridge bridge{options};
  const auto companies = [&] {
    return world.Database().Value("SELECT string_agg(company, ',' ORDER BY company) FROM crm.contacts");
  };
  const std::string ada = world.Mem0().Add("ada", "Works at Initech");
  bridge.Start();
  REQUIRE(test::WaitUntil([&] { return companies() == "Initech"; }));

  // Announced to nobody.
  world.Mem0().Update(ada, "Works at Globex");
  world.Mem0().Add("eve", "Works at Hooli");
  REQUIRE(test::WaitUntil([&] { return companies() == "Globex,Hooli"; }));
  CHECK(world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second.empty());
  CHECK(world.Database().Count("membridge.deliveries") == 0);
  CHECK(bridge.Log().find("no public address is needed: Mem0 is asked every 1s") != std::string::npos);
  CHECK(bridge.Log().find("canary_lost") == std::string::npos);

  world.Mem0().Delete(ada);
  REQUIRE(test::WaitUntil([&] { return companies() == "Hooli"; }, std::chrono::seconds{120}));
  CHECK(bridge.Terminate() == 0);
}

}  // namespace membridge::e2e
