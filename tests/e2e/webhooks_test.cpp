// What an operator does with webhooks, with the built binary against the local Mem0.
#include <atomic>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <set>
#include <thread>

#include "sync/embedded/child_process.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::RunMembridge;

/// A bridge that keeps its webhook itself.
test::BridgeOptions Managed(const World& world, const std::string& more = {}) {
  test::BridgeOptions options = world.Options();
  options.manage = true;
  options.webhook = more;
  return options;
}

json Registered(World& world) {
  return world.Mem0().Api("GET", "/api/v1/webhooks/projects/proj_e2e/").second;
}

/// The webhook that leads to bridges, of which there is to be exactly one.
std::optional<json> Ours(World& world) {
  std::vector<json> ours;
  for (const json& webhook : Registered(world)) {
    if (webhook["name"] == "membridge-crm") ours.push_back(webhook);
  }
  return ours.size() == 1 ? std::optional{ours.front()} : std::nullopt;
}

std::string TokenIn(const json& webhook) {
  const std::string url = webhook["url"];
  return url.substr(url.rfind('/') + 1);
}

}  // namespace

TEST_CASE("a rotation under load refuses no delivery, and the old address works for the overlap", "[e2e][webhooks]") {
  World world{SeedOfRun()};
  test::Bridge bridge{Managed(world)};
  bridge.Start();
  REQUIRE(test::WaitUntil([&] { return Ours(world).has_value(); }));
  const std::string before = Ours(world)->at("url");
  world.Mem0().SetDelivery({{"concurrency", 8}});

  test::CommandOutcome rotated;
  std::atomic<bool> done = false;
  std::thread rotating{[&] {
    rotated = RunMembridge({"webhooks", "rotate", "--json", "--overlap", "1h", "--config", bridge.ConfigFile()});
    done = true;
  }};
  int added = 0;
  // Many people, for a row's memories are all looked at whenever one of them comes.
  while (!done) world.Mem0().Add("user-" + std::to_string(added++ % 500), "Works at Initech");
  rotating.join();
  REQUIRE(rotated.status == 0);
  for (int i = 0; i < 50; ++i) world.Mem0().Add("user-" + std::to_string(i % 20), "Works at Globex");
  REQUIRE(world.WaitSettled());
  const json statistics = world.Mem0().DeliveryStatistics();
  CAPTURE(statistics.dump());
  CHECK(statistics["statuses"].size() == 1);
  CHECK(statistics["statuses"]["200"] == added + 50);

  const std::string after = Ours(world)->at("url");
  CHECK(after != before);
  CHECK(test::HttpClient{}.Post(before, "{}").status == 200);
  const json told = json::parse(rotated.out)["projects"][0];
  CHECK(told["overlap_seconds"] == 3600);
  CHECK(told["old_token"] != told["new_token"]);
  const auto listed = RunMembridge({"webhooks", "list", "--json", "--config", bridge.ConfigFile()});
  const json tokens = json::parse(listed.out)["projects"][0]["tokens"];
  REQUIRE(tokens.size() == 2);
  CHECK(tokens[0]["id"] == told["new_token"]);
  CHECK(tokens[0]["expires_at"].is_null());
  CHECK_FALSE(tokens[0]["last_used"].is_null());
  CHECK_FALSE(tokens[1]["expires_at"].is_null());
}

TEST_CASE("several processes keep one webhook, repair what drifts, and touch nobody else's", "[e2e][webhooks]") {
  World world{SeedOfRun()};
  world.Mem0().Control("POST", "/webhooks",
                       {{"name", "audit"}, {"url", "https://audit.example.com/in"}, {"event_types", {"memory_add"}}});
  const json foreign = Registered(world)[0];
  test::BridgeOptions options = Managed(world, "check_every: 1s");
  options.public_url = "http://127.0.0.1:9";
  std::vector<std::unique_ptr<test::Bridge>> bridges;
  for (int i = 0; i < 3; ++i) bridges.push_back(std::make_unique<test::Bridge>(options));
  for (auto& bridge : bridges) bridge->Launch();
  const auto everybody_looked = [&](double times) {
    return test::WaitUntil(
        [&] {
          return std::all_of(bridges.begin(), bridges.end(), [&](auto& bridge) {
            return bridge->Metric("membridge_webhook_checks_total{outcome=\"ok\",project=\"crm\"}").value_or(0) >= times;
          });
        },
        60s);
  };
  REQUIRE(everybody_looked(2));
  REQUIRE(Ours(world).has_value());
  CHECK(Registered(world).size() == 2);

  const json ours = *Ours(world);
  const std::string path = "/api/v1/webhooks/" + ours["webhook_id"].get<std::string>() + "/";
  world.Mem0().Api("PUT", path, {{"event_types", {"memory_add"}}});
  CHECK(test::WaitUntil([&] {
    const auto now = Ours(world);
    return now && now->at("url").get<std::string>().starts_with("http://127.0.0.1:9/webhooks/crm/") &&
           now->at("event_types").size() == 4;
  }));
  // What was made moments ago and is not listed is waited for; this one is older than that.
  world.Database().Run("UPDATE membridge.webhooks SET created_at = now() - interval '1 hour'");
  world.Mem0().Api("DELETE", path);
  CHECK(test::WaitUntil([&] { return Ours(world).has_value(); }, 60s));
  CHECK(Registered(world).size() == 2);
  CHECK(Registered(world)[0] == foreign);
  for (auto& bridge : bridges) CHECK(bridge->Terminate() == std::optional<int>{0});
}

TEST_CASE("webhooks that lead elsewhere are managed by hand, with each problem at its field", "[e2e][webhooks]") {
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "webhooks");
    arguments.insert(arguments.end(), {"--config", bridge.ConfigFile()});
    return RunMembridge(arguments);
  };
  const auto refused = run({"create", "--name", "audit", "--url", "ftp://x", "--events", "memory_evaporated"});
  CHECK(refused.status == 1);
  CHECK(refused.err.find("--url: must be an http or https address with a host\n") != std::string::npos);
  CHECK(refused.err.find("--events: no event \"memory_evaporated\"") != std::string::npos);
  CHECK(Registered(world).empty());

  const auto created = run({"create", "--json", "--name", "audit", "--url", "https://audit.example.com/in?key=s3cret", "--events",
                            "memory_add,memory_delete"});
  REQUIRE(created.status == 0);
  CHECK(created.out.find("s3cret") == std::string::npos);
  const std::string id = json::parse(created.out)["projects"][0]["created"]["webhook"];
  CHECK(Registered(world)[0]["url"] == "https://audit.example.com/in?key=s3cret");
  CHECK(run({"update", id, "--name", "auditing"}).status == 0);
  CHECK(Registered(world)[0]["name"] == "auditing");
  CHECK(Registered(world)[0]["event_types"].size() == 2);
  CHECK(run({"delete", id}).status == 0);
  CHECK(Registered(world).size() == 1);
  CHECK(run({"delete", id, "--yes"}).status == 0);
  CHECK(Registered(world).empty());
  CHECK(run({"delete", id, "--yes"}).status == 1);
  CHECK(run({"remove", "--yes"}).status == 0);
}

TEST_CASE("Mem0's own client sees the webhook the bridge made", "[e2e][webhooks][npm]") {
  World world{SeedOfRun()};
  test::Bridge bridge{Managed(world)};
  const auto applied = RunMembridge({"webhooks", "apply", "--config", bridge.ConfigFile()});
  REQUIRE(applied.status == 0);
  const test::ScratchFolder folder;
  sync::ChildOptions options;
  options.command = {MEMBRIDGE_SOURCE "/tests/mem0_sim/fidelity/with-client", MEMBRIDGE_MEM0_CLIENT, "webhooks.mjs",
                     world.Mem0().BaseUrl(), world.Mem0().ApiKey()};
  options.output = folder.path() / "output";
  auto child = sync::Child::Start(options);
  REQUIRE(child);
  CHECK(child->Wait(280s) == std::optional<int>{0});
  std::ifstream stream{folder.path() / "output"};
  std::string said{std::istreambuf_iterator<char>{stream}, {}};
  CAPTURE(said);
  // The last line: npm may have spoken before.
  while (!said.empty() && said.back() == '\n') said.pop_back();
  const json seen = json::parse(said.substr(said.rfind('\n') + 1));
  REQUIRE(seen.size() == 1);
  CHECK(seen[0]["name"] == "membridge-crm");
  CHECK(seen[0]["isActive"] == true);
  CHECK(seen[0]["eventTypes"] == json{"memory_add", "memory_update", "memory_delete", "memory_categorize"});
  CHECK(seen[0]["url"].get<std::string>().starts_with(bridge.Url() + "/webhooks/crm/"));
}

TEST_CASE("no token is ever shown once it was issued", "[e2e][webhooks][secrets]") {
  World world{SeedOfRun()};
  test::Bridge bridge{Managed(world)};
  bridge.Start();
  REQUIRE(test::WaitUntil([&] { return Ours(world).has_value(); }));
  const std::string memory = world.Mem0().Add("ada", "Works at Initech");
  REQUIRE(world.WaitSettled());
  std::set<std::string> tokens{TokenIn(*Ours(world))};
  std::string said;
  const auto run = [&](std::vector<std::string> arguments) {
    for (const bool as_json : {false, true}) {
      auto all = arguments;
      if (as_json) all.emplace_back("--json");
      all.insert(all.end(), {"--config", bridge.ConfigFile()});
      const auto outcome = RunMembridge(all);
      CAPTURE(arguments.front() + " " + arguments[1] + ": " + outcome.err);
      CHECK(outcome.status < 2);
      said += outcome.out + outcome.err;
      if (const auto ours = Ours(world)) tokens.insert(TokenIn(*ours));
    }
  };
  run({"webhooks", "plan"});
  run({"webhooks", "list"});
  run({"webhooks", "rotate"});
  run({"webhooks", "apply"});
  run({"deliveries", "list"});
  const std::string delivery = world.Database().Value("SELECT id FROM membridge.deliveries LIMIT 1");
  run({"deliveries", "show", delivery});
  run({"deliveries", "replay", "--memory", memory});
  run({"parked", "list"});
  run({"backfill", "list"});
  run({"check", "--offline"});
  run({"why", "crm.contacts", "1"});
  run({"erase", "--user", "nobody"});
  // An address that Mem0 refuses is quoted in Mem0's own words, and must not be here.
  world.Mem0().SetFaults(
      {{"next",
        {{{"endpoint", "webhooks.update"}, {"status", 400}, {"body", R"({"url":["Enter a valid URL."]})"}, {"times", 2}}}}});
  run({"webhooks", "rotate"});
  world.Mem0().ClearFaults();
  run({"webhooks", "remove"});
  run({"webhooks", "remove", "--yes"});
  test::HttpClient client;
  said += client.Get(bridge.AdminUrl() + "/metrics").body + client.Get(bridge.AdminUrl() + "/readyz").body;
  CHECK(bridge.Terminate() == std::optional<int>{0});
  said += bridge.Log();
  CHECK(said.size() > 1000);
  CHECK(tokens.size() >= 3);
  for (const std::string& token : tokens) {
    REQUIRE(token.size() == 43);
    CHECK(said.find(token) == std::string::npos);
    CHECK(world.Database().Value("SELECT count(*) FROM membridge.deliveries d WHERE d::text LIKE '%' || $1 || '%'", {token}) ==
          "0");
  }
}

}  // namespace membridge::e2e
