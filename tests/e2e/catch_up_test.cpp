// What changed at Mem0 while nobody could be told.
#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

struct Catching {
  World world{SeedOfRun()};
  test::Bridge bridge{OptionsOf(world)};

  static test::BridgeOptions OptionsOf(const World& world) {
    test::BridgeOptions options = world.Options();
    options.manage = true;
    options.webhook = "check_every: 1s";
    options.admin_tokens = "[{name: ada, role: admin, token: a-token-of-the-test}]";
    return options;
  }

  bool HasWebhook() { return !world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second.empty(); }
  bool HasRowOf(const std::string& user) { return world.Database().Count("crm.contacts WHERE user_ref = '" + user + "'") == 1; }

  /// What the overview says of the project.
  json Project() {
    const auto answer =
        test::HttpClient{}.Call("GET", bridge.AdminUrl() + "/api/v1/overview", {}, {"Authorization: Bearer a-token-of-the-test"});
    return json::parse(answer.body).at("projects").at(0);
  }
  /// Whether the page says that no delivery was lost.
  bool SaysNothingWasLost() {
    const json project = Project();
    return project.at("catching_up").is_null() && !project.at("last_sweep").is_null();
  }
  std::int64_t Runs() { return world.Database().Count("membridge.backfill_runs WHERE name = 'catch-up crm'"); }
};

}  // namespace

TEST_CASE("a memory written before the webhook is there arrives, and nothing says before that none was lost", "[e2e][N1]") {
  Catching catching;
  catching.bridge.Start();
  REQUIRE_FALSE(catching.HasWebhook());
  catching.world.Mem0().Add("ada", "Name is Ada Lovelace");
  bool told_too_early = false;
  REQUIRE(test::WaitUntil([&] {
    const bool said = catching.SaysNothingWasLost();
    const bool arrived = catching.HasRowOf("ada");
    told_too_early = told_too_early || (said && !arrived);
    return arrived;
  }));
  CHECK_FALSE(told_too_early);
  REQUIRE(test::WaitUntil([&] { return catching.SaysNothingWasLost(); }));
  CHECK(catching.HasWebhook());
  const auto status = test::RunMembridge({"backfill", "status", "--config", catching.bridge.ConfigFile()});
  CHECK(status.status == 0);
  CAPTURE(status.out);
  CHECK(status.out.find("catch-up crm") != std::string::npos);
  CHECK(status.out.find("incremental sweep") != std::string::npos);
}

TEST_CASE("what changed while no process listened is swept once after a start", "[e2e][N1]") {
  Catching catching;
  catching.bridge.Start();
  REQUIRE(test::WaitUntil([&] { return catching.SaysNothingWasLost(); }));
  const std::int64_t before = catching.Runs();
  const bool killed = GENERATE(false, true);
  CAPTURE(killed);
  if (killed) {
    catching.bridge.Kill();
  } else {
    REQUIRE(catching.bridge.Terminate() == 0);
  }
  catching.world.Mem0().Add("grace", "Name is Grace Hopper", nullptr, {}, false);
  catching.bridge.Start();
  REQUIRE(test::WaitUntil([&] { return catching.HasRowOf("grace"); }));
  REQUIRE(test::WaitUntil([&] { return catching.SaysNothingWasLost(); }));
  CHECK(catching.Runs() == before + 1);

  // A second process beside one that listens has nothing to catch up with.
  test::BridgeOptions same_address = Catching::OptionsOf(catching.world);
  same_address.public_url = catching.bridge.Url();
  test::Bridge second{same_address};
  second.Start();
  REQUIRE(test::WaitUntil([&] { return catching.world.Database().Count("membridge.listening") >= 2; }));
  REQUIRE(test::WaitUntil([&] {
    const auto answer =
        test::HttpClient{}.Call("GET", second.AdminUrl() + "/api/v1/overview", {}, {"Authorization: Bearer a-token-of-the-test"});
    return json::parse(answer.body).at("projects").at(0).at("catching_up").is_null();
  }));
  CHECK(catching.Runs() == before + 1);
}

TEST_CASE("what changed while the webhook was gone is swept when it is there again", "[e2e][N1]") {
  Catching catching;
  catching.bridge.Start();
  REQUIRE(test::WaitUntil([&] { return catching.SaysNothingWasLost(); }));
  const std::int64_t before = catching.Runs();
  const json webhooks = catching.world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second;
  // What was made moments ago may not be listed yet, and is not made again.
  catching.world.Database().Run("UPDATE membridge.webhooks SET created_at = created_at - interval '1 day'");
  catching.world.Mem0().Api("DELETE", "/api/v1/webhooks/" + webhooks.at(0).at("webhook_id").get<std::string>() + "/");
  catching.world.Mem0().Add("grace", "Name is Grace Hopper");
  REQUIRE(test::WaitUntil([&] { return catching.HasRowOf("grace"); }, 60s));
  CHECK(catching.Runs() == before + 1);
}

}  // namespace membridge::e2e
