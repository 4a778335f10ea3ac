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
