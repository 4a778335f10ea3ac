#include <fstream>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

constexpr const char* kReloadTables = "CREATE TABLE people (id text PRIMARY KEY, nick text, city varchar(12))";

/// A mapping file that is edited while a bridge works by it.
class Edited {
 public:
  explicit Edited(World& world) : world_(world) {
    world.Database().RunScript(kReloadTables);
    Write("{nick: $memory.text}");
    test::BridgeOptions options = world.Options();
    options.mapping = File();
    options.admin_tokens = "[{name: eve, role: viewer, token: a-viewer-of-mappings}]";
    bridge_ = std::make_unique<test::Bridge>(options);
    bridge_->Start();
    world.Subscribe(*bridge_);
  }

  std::string File() const { return folder_.path() / "people.yaml"; }
  test::Bridge& Bridge() { return *bridge_; }

  void Write(const std::string& set) const {
    std::ofstream{File()} << "rows:\n  person:\n    table: people\n    key: {id: $memory.user_id}\n    set: " << set << "\n";
  }
  /// What the admin API says of the mapping.
  nlohmann::json Shown() const {
    const auto answer = test::HttpClient{}.Call("GET", bridge_->AdminUrl() + "/api/v1/mappings/people", "",
                                                {"Authorization: Bearer a-viewer-of-mappings"});
    CHECK(answer.status == 200);
    return nlohmann::json::parse(answer.body);
  }
  bool WaitReloads(const std::string& outcome, double times) {
    return test::WaitUntil(
        [&] { return bridge_->Metric("membridge_mappings_reloads_total{outcome=\"" + outcome + "\"}").value_or(0) >= times; });
  }
  nlohmann::json Ready() const {
    const auto answer = test::HttpClient{}.Get(bridge_->AdminUrl() + "/readyz");
    CHECK(answer.status == 200);
    return nlohmann::json::parse(answer.body);
  }
  bool WaitRow(const std::string& where) {
    return test::WaitUntil([&] { return world_.Database().Count("people WHERE " + where) == 1; });
  }

 private:
  World& world_;
  test::ScratchFolder folder_;
  std::unique_ptr<test::Bridge> bridge_;
};

constexpr const char* kWithCity = "{nick: $memory.text, city: $memory.metadata.city}";

}  // namespace

TEST_CASE("an edited mapping takes over while deliveries arrive, and a broken edit changes nothing", "[e2e][reload]") {
  World world{SeedOfRun()};
  Edited edited{world};
  for (int i = 0; i < 40; ++i) {
    world.Mem0().Add("user-" + std::to_string(i), "Old", {{"city", "Paris"}});
    if (i == 20) edited.Write(kWithCity);
  }
  REQUIRE(edited.WaitReloads("taken", 1));
  world.Mem0().Add("ada", "Countess", {{"city", "London"}});
  CHECK(edited.WaitRow("id = 'ada' AND city = 'London'"));
  REQUIRE(world.WaitSettled());
  CHECK(world.Database().Count("people WHERE nick = 'Old'") == 40);
  CHECK(edited.Bridge().Log().find(R"("changed":["people"])") != std::string::npos);
  CHECK(edited.Ready()["degraded"] == false);
  const nlohmann::json good = edited.Shown();
  CHECK(good["on_disk"] == "same");
  CHECK(good["refused"].is_null());

  edited.Write("{nick: $memory.text, town: $memory.metadata.city}");
  REQUIRE(edited.WaitReloads("refused", 1));
  CHECK(edited.Ready()["degraded"] == true);
  CHECK(edited.Ready()["checks"]["mappings"]["ok"] == false);
  CHECK(edited.Bridge().Metric("membridge_mappings_degraded") == 1.0);
  CHECK(edited.Bridge().Metric("membridge_degraded{reason=\"mappings_refused\"}") == 1.0);
  CHECK(edited.Ready()["reasons"][0]["reason"] == "mappings_refused");
  CHECK(edited.Bridge().Log().find(R"(people has no column \"town\")") != std::string::npos);
  REQUIRE(test::WaitUntil([&] { return edited.Shown()["on_disk"] == "refused"; }));
  const nlohmann::json shown = edited.Shown();
  CHECK(shown["source"] == good["source"]);
  CHECK(shown["digest"] == good["digest"]);
  CHECK(shown["source_on_disk"].get<std::string>().find("town") != std::string::npos);
  CHECK(shown["refused"]["problems"][0]["message"] == "people has no column \"town\"");
  edited.Write("{nick: [$memory.text");
  REQUIRE(edited.WaitReloads("refused", 2));
  world.Mem0().Add("grace", "Admiral", {{"city", "Arlington"}});
  CHECK(edited.WaitRow("id = 'grace' AND city = 'Arlington'"));

  edited.Write("{city: $memory.metadata.city}");
  REQUIRE(edited.WaitReloads("taken", 2));
  CHECK(edited.Ready()["degraded"] == false);
  CHECK(edited.Shown()["on_disk"] == "same");
  CHECK(edited.Shown()["refused"].is_null());
  CHECK(edited.Bridge().Metric("membridge_mappings_degraded") == 0.0);
  // What was read before stays as it was until a person asks.
  CHECK(world.Database().Count("people WHERE nick = 'Old'") == 40);
  CHECK(test::RunMembridge({"reproject", "people", "--config", edited.Bridge().ConfigFile()}).status == 0);
  CHECK(test::WaitUntil([&] { return world.Database().Count("people WHERE nick IS NOT NULL") == 0; }));
  CHECK(world.Database().Count("people WHERE city = 'Paris'") == 40);
  CHECK(edited.Bridge().Terminate() == std::optional<int>{0});
}

TEST_CASE("SIGHUP has the tables looked at again", "[e2e][reload]") {
  World world{SeedOfRun()};
  Edited edited{world};
  edited.Write("{nick: $memory.text, job: $memory.metadata.job}");
  REQUIRE(edited.WaitReloads("refused", 1));
  world.Database().RunScript("ALTER TABLE people ADD COLUMN job text");
  edited.Bridge().Hup();
  REQUIRE(edited.WaitReloads("taken", 1));
  world.Mem0().Add("ada", "Countess", {{"job", "Analyst"}});
  CHECK(edited.WaitRow("id = 'ada' AND job = 'Analyst'"));
  CHECK(edited.Bridge().Terminate() == std::optional<int>{0});
}

TEST_CASE("a parked memory is applied by a retry once its row, its schema or its mapping was mended", "[e2e][reload][parked]") {
  World world{SeedOfRun()};
  Edited edited{world};
  edited.Write(kWithCity);
  REQUIRE(edited.WaitReloads("taken", 1));
  const std::string config = edited.Bridge().ConfigFile();
  const std::string memory = world.Mem0().Add("ada", "Countess", {{"city", "Stoke-on-Trent"}});
  REQUIRE(test::WaitUntil([&] { return world.Database().Count("membridge.parked") == 1; }));
  const auto shown = test::RunMembridge({"parked", "show", "--json", "--config", config});
  const auto parked = nlohmann::json::parse(shown.out)["memories"][0];
  CHECK(parked["memory"] == memory);
  CHECK(parked["cause"] == "value too long for type character varying(12)");
  CHECK(parked["place"] == edited.File() + ":2");
  REQUIRE(world.WaitSettled());
  CHECK(world.Database().Count("people") == 0);

  SECTION("the mapping") {
    edited.Write("{nick: $memory.text, city: $memory.metadata.city | truncate}");
    REQUIRE(edited.WaitReloads("taken", 2));
  }
  SECTION("the schema") {
    world.Database().RunScript("ALTER TABLE people ALTER COLUMN city TYPE text");
    edited.Bridge().Hup();
    REQUIRE(edited.WaitReloads("taken", 2));
  }
  SECTION("the row") {
    world.Mem0().Edit(memory, {{"metadata", {{"city", "Stoke"}}}}, false);
  }
  CHECK(test::RunMembridge({"parked", "retry", "--all", "--yes", "--config", config}).status == 0);
  CHECK(edited.WaitRow("id = 'ada' AND city LIKE 'Stoke%'"));
  CHECK(test::WaitUntil([&] { return world.Database().Count("membridge.parked") == 0; }));
}

}  // namespace membridge::e2e
