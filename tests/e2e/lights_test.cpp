// What /readyz, the metrics and the API say of a bridge that stores deliveries and is not all right.
#include <nlohmann/json.hpp>
#include <string>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

struct Light {
  long status = 0;
  nlohmann::json body;
};

Light LightOf(const test::Bridge& bridge) {
  const auto answer = test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz");
  return {answer.status, nlohmann::json::parse(answer.body)};
}

/// The reason as /readyz tells it; null when it does not stand.
nlohmann::json ReasonIn(const nlohmann::json& body, const std::string& name) {
  for (const auto& reason : body.at("reasons")) {
    if (reason.at("reason") == name) return reason;
  }
  return nullptr;
}

double Degraded(const test::Bridge& bridge, const std::string& name) {
  return bridge.Metric("membridge_degraded{reason=\"" + name + "\"}").value_or(-1);
}

TEST_CASE("a standstill is told within half a minute, everywhere alike, and /readyz stays 200", "[e2e][N8][standstill]") {
  World world{SeedOfRun()};
  test::BridgeOptions options = world.Options();
  options.admin_tokens = "[{name: ada, role: admin, token: a-token-of-the-test}]";
  test::Bridge bridge{options};
  bridge.Start();
  world.Subscribe(bridge);
  REQUIRE(world.WaitSettled());
  CHECK(LightOf(bridge).body.at("degraded") == false);
  CHECK(LightOf(bridge).body.at("reasons") == nlohmann::json::array());
  CHECK(Degraded(bridge, "standstill") == 0);

  world.Mem0().SetFaults({{"server_error", 1.0}, {"server_error_status", 503}});
  world.Mem0().Add("ada", "Name is Ada Lovelace");
  REQUIRE(test::WaitUntil([&] { return !ReasonIn(LightOf(bridge).body, "standstill").is_null(); }, 30s));
  const Light light = LightOf(bridge);
  CHECK(light.status == 200);
  CHECK(light.body.at("ready") == true);
  CHECK(light.body.at("degraded") == true);
  const nlohmann::json reason = ReasonIn(light.body, "standstill");
  CHECK_FALSE(reason.at("hint").get<std::string>().empty());
  CHECK_FALSE(reason.at("since").get<std::string>().empty());
  CHECK(Degraded(bridge, "standstill") == 1);
  const auto overview =
      test::HttpClient{}.Call("GET", bridge.AdminUrl() + "/api/v1/overview", {}, {"Authorization: Bearer a-token-of-the-test"});
  REQUIRE(overview.status == 200);
  CHECK(nlohmann::json::parse(overview.body).at("reasons") == light.body.at("reasons"));

  world.Mem0().ClearFaults();
  CHECK(test::WaitUntil([&] { return ReasonIn(LightOf(bridge).body, "standstill").is_null(); }, 60s));
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(Degraded(bridge, "standstill") == 0);
}

/// What the overview of the admin API says of the reason.
nlohmann::json ReasonInOverview(const test::Bridge& bridge, const std::string& name) {
  const auto answer =
      test::HttpClient{}.Call("GET", bridge.AdminUrl() + "/api/v1/overview", {}, {"Authorization: Bearer a-token-of-the-test"});
  return ReasonIn(nlohmann::json::parse(answer.body), name);
}

/// Waits until the reason stands (or does not), and looks whether all lights agree. Answers what /readyz says of it.
nlohmann::json WaitForReason(const test::Bridge& bridge, const std::string& name, bool stands) {
  CAPTURE(name, stands);
  REQUIRE(test::WaitUntil([&] { return ReasonIn(LightOf(bridge).body, name).is_null() != stands; }, 60s));
  const Light light = LightOf(bridge);
  CHECK(light.status == 200);
  CHECK(Degraded(bridge, name) == (stands ? 1 : 0));
  nlohmann::json reason = ReasonIn(light.body, name);
  CHECK(ReasonInOverview(bridge, name) == reason);
  if (stands) {
    CHECK(reason.value("project", "crm") == "crm");
    CHECK_FALSE(reason.at("hint").get<std::string>().empty());
  }
  return reason;
}

test::BridgeOptions Keeping(const World& world) {
  test::BridgeOptions options = world.Options();
  options.manage = true;
  options.webhook = "check_every: 1s";
  options.admin_tokens = "[{name: ada, role: admin, token: a-token-of-the-test}]";
  return options;
}

TEST_CASE("a webhook that is switched off or led elsewhere is told until it is right again, and then caught up with",
          "[e2e][M6][N1]") {
  World world{SeedOfRun()};
  test::Bridge bridge{Keeping(world)};
  bridge.Start();
  const auto registered = [&] { return world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second; };
  REQUIRE(test::WaitUntil([&] { return !registered().empty(); }));
  const nlohmann::json webhook = registered().at(0);
  const std::string id = webhook.at("webhook_id");

  world.Mem0().Control("PATCH", "/webhooks/" + id, {{"is_active", false}});
  const auto off = WaitForReason(bridge, "webhook_off", true);
  CHECK(off.at("message").get<std::string>().find(id) != std::string::npos);
  world.Mem0().Add("ada", "Name is Ada Lovelace");
  world.Mem0().Control("PATCH", "/webhooks/" + id, {{"is_active", true}});
  WaitForReason(bridge, "webhook_off", false);
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE user_ref = 'ada'") == 1; }));

  world.Mem0().Api("PUT", "/api/v1/webhooks/" + id + "/", {{"url", "https://other.example.com/webhooks/crm/abc"}});
  WaitForReason(bridge, "webhook_elsewhere", true);
  const auto taken = test::RunMembridge({"webhooks", "apply", "--take-over", "--config", bridge.ConfigFile()});
  CAPTURE(taken.out, taken.err);
  CHECK(taken.status == 0);
  WaitForReason(bridge, "webhook_elsewhere", false);
}

TEST_CASE("a full sweep that could not tell what is gone is told until one could", "[e2e][M3]") {
  World world{SeedOfRun()};
  test::Bridge bridge{Keeping(world)};
  bridge.Start();
  world.Mem0().Load(30, 450);  // more than a page
  const auto sweep = [&] { return test::RunMembridge({"sweep", "--full", "--config", bridge.ConfigFile()}); };
  REQUIRE(sweep().status == 0);
  WaitForReason(bridge, "sweep_concluded_nothing", false);
  world.Mem0().SetSettings({{"list_lie", "repeat"}});
  REQUIRE(sweep().status == 1);
  const auto told = WaitForReason(bridge, "sweep_concluded_nothing", true);
  CHECK(told.at("backfill") == "sweep by hand, crm");
  CHECK(told.at("message").get<std::string>().find("never undisturbed") != std::string::npos);
  world.Mem0().SetSettings({{"list_lie", ""}});
  REQUIRE(sweep().status == 0);
  WaitForReason(bridge, "sweep_concluded_nothing", false);
}

TEST_CASE("a row that somebody holds locked is told wherever an operator looks", "[e2e][T1]") {
  World world{SeedOfRun()};
  test::Bridge bridge{Keeping(world)};
  bridge.Start();
  world.Subscribe(bridge);
  const std::string id = world.Mem0().Add("ada", "Name is Ada Lovelace");
  REQUIRE(world.WaitSettled());
  WaitForReason(bridge, "blocked", false);
  CHECK(bridge.Metric("membridge_blocked_memories") == 0);
  CHECK(bridge.Metric("membridge_blocked_oldest_seconds") == 0);
  {
    auto session = world.Database().Session();
    auto transaction = session.Begin();
    transaction.Run("SELECT FROM crm.contacts WHERE user_ref = 'ada' FOR UPDATE");
    world.Mem0().Update(id, "Name is Ada King");
    WaitForReason(bridge, "blocked", true);
    CHECK(bridge.Metric("membridge_blocked_memories") == 1);
    CHECK(bridge.Metric("membridge_blocked_oldest_seconds").value_or(0) > 0);
    const auto answer = test::HttpClient{}.Call("GET", bridge.AdminUrl() + "/api/v1/parked/blocked", {},
                                                {"Authorization: Bearer a-token-of-the-test"});
    CHECK(nlohmann::json::parse(answer.body).at("memories").at(0).at("memory") == id);
    const auto listed = test::RunMembridge({"parked", "list", "--blocked", "--config", bridge.ConfigFile()});
    CHECK(listed.out.find(id) != std::string::npos);
    const auto status = test::RunMembridge({"status", "--config", bridge.ConfigFile()});
    CAPTURE(status.out, status.err);
    CHECK(status.out.find("blocked        1 memory by another session's locks") != std::string::npos);
  }
  WaitForReason(bridge, "blocked", false);
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE name = 'Ada King'") == 1; }));
}

TEST_CASE("why finds a row by any unique column, and status and doctor see the process that runs", "[e2e][operate]") {
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  world.Mem0().Add("ada", "Name is Ada Lovelace");
  REQUIRE(world.WaitSettled());
  const std::string id = world.Database().Value("SELECT id FROM crm.contacts WHERE user_ref = 'ada'");
  const auto say = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--config", bridge.ConfigFile()});
    return test::RunMembridge(words);
  };
  const auto by_key = say({"why", "crm.contacts", id});
  REQUIRE(by_key.status == 0);
  CHECK(say({"why", "crm.contacts", "user_ref=ada"}).out == by_key.out);
  CHECK(say({"why", "crm.contacts", "id=" + id}).out == by_key.out);
  const auto nobody = say({"why", "crm.contacts", "user_ref=nobody"});
  CHECK(nobody.status == 1);
  CHECK(nobody.err == "error: no row of crm.contacts has that value in user_ref; compare it with the table\n");
  const auto status = say({"status"});
  CHECK(status.status == 0);
  CHECK(status.out.find("ready\n") != std::string::npos);
  const auto doctor = say({"doctor", "--json"});
  CHECK(doctor.out.find("is ready") != std::string::npos);
}

}  // namespace
}  // namespace membridge::e2e
