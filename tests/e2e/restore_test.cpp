// State and target as two databases: the state is restored from a dump, or copied, while the target goes on.
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "receiver/verify/token.hpp"
#include "tests/e2e/crm.hpp"
#include "tests/support/bridge.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"
#include "tests/support/server_program.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using test::Bridge;
using test::PgDatabase;
using test::RunServerProgram;

/// Mem0, a state database and a CRM in a database of its own.
struct Site {
  Site() { crm.RunScript(std::string{std::istreambuf_iterator<char>{schema}, {}}); }

  test::BridgeOptions Options(const std::string& state_dsn) const {
    test::BridgeOptions options;
    options.database = state_dsn;
    options.mem0_url = mem0.BaseUrl();
    options.api_key = mem0.ApiKey();
    options.mapping = MEMBRIDGE_SOURCE "/deploy/mappings/contacts.yaml";
    options.targets = fmt::format("{{default: {{database: \"{}\"}}}}", crm.Dsn());
    options.manage = false;
    return options;
  }
  void Subscribe(const Bridge& bridge) {
    const std::string token = receiver::MakeToken();
    state.Run("INSERT INTO membridge.tokens (id, project, hash) VALUES (gen_random_uuid(), 'crm', $1)",
              {receiver::HashToken(token)});
    const std::string url = bridge.Url() + "/webhooks/crm/" + token;
    REQUIRE(test::WaitUntil([&] { return test::HttpClient{}.Post(url, "").status == 400; }));
    mem0.Subscribe(url);
  }
  void Say(int first, int last, const std::string& name) {
    for (int i = first; i <= last; ++i) {
      const std::string user = "user-" + std::to_string(i);
      ids[i] = mem0.Add(user, fmt::format("Name is {} The{}", name, i));
    }
  }
  void Change(int first, int last, const std::string& name) {
    for (int i = first; i <= last; ++i) mem0.Update(ids.at(i), fmt::format("Name is {} The{}", name, i));
  }
  void Delete(int first, int last) {
    for (int i = first; i <= last; ++i) mem0.Delete(ids.at(i));
  }
  bool Settled(const PgDatabase& of) {
    return mem0.WaitIdle() &&
           test::WaitUntil(
               [&] { return of.Value("SELECT membridge.unfolded() = 0 AND NOT EXISTS (SELECT FROM membridge.dirty)") == "t"; },
               60s);
  }
  std::vector<std::string> WrongRows() {
    std::vector<nlohmann::json> records;
    for (const auto& [id, record] : mem0.Truth()) records.push_back(record);
    return Differences(ExpectedCrm(records, std::chrono::floor<std::chrono::days>(SystemClock{}.Now())), ReadCrm(crm));
  }

  std::ifstream schema{MEMBRIDGE_SOURCE "/deploy/example-schema.sql"};
  test::Mem0Sim mem0;
  test::Cluster cluster;
  const PgDatabase state{cluster, PgDatabase::Content::kBare};
  const PgDatabase crm{cluster, PgDatabase::Content::kBare};
  std::map<int, std::string> ids;
};

/// Whether /readyz says that the target's ledger is another state's, and stays ready.
bool IsRefused(const Bridge& bridge) {
  const auto answer = test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz");
  if (answer.status != 200) return false;
  const auto body = nlohmann::json::parse(answer.body);
  for (const auto& reason : body.at("reasons")) {
    if (reason.at("reason") == "ledger_of_another_state") return reason.at("target") == "default";
  }
  return false;
}

test::CommandOutcome Say(const Bridge& bridge, std::vector<std::string> words) {
  words.insert(words.end(), {"--config", bridge.ConfigFile()});
  return test::RunMembridge(words);
}

std::size_t CountOf(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

TEST_CASE(
    "a state restored from yesterday's dump goes on by itself: ten updates and five deletes arrive, and what was lost is "
    "repaired",
    "[e2e][restore][T12]") {
  Site site;
  Bridge bridge{site.Options(site.state.Dsn())};
  bridge.Start();
  site.Subscribe(bridge);
  site.Say(1, 30, "Ada");
  REQUIRE(site.Settled(site.state));
  const test::ScratchFolder folder;
  const std::string dump = folder.path() / "dump.sql";
  RunServerProgram("pg_dump", {"--schema=membridge", "--file", dump, "--dbname", site.state.Dsn()});
  site.Change(1, 6, "Grace");
  site.Delete(7, 9);
  site.Say(31, 35, "Ada");
  REQUIRE(site.Settled(site.state));
  REQUIRE(site.WrongRows() == std::vector<std::string>{});

  REQUIRE(bridge.Terminate() == 0);
  site.state.RunScript("DROP SCHEMA membridge CASCADE");
  RunServerProgram("psql", {"--quiet", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "--file", dump, "--dbname", site.state.Dsn()});
  bridge.Start();
  site.Change(11, 20, "Edsger");
  site.Delete(21, 25);
  REQUIRE(site.Settled(site.state));
  CHECK(site.WrongRows() == std::vector<std::string>{});
  CHECK(CountOf(bridge.Log(), "state_was_restored") == 1);
  CHECK_FALSE(IsRefused(bridge));
}

TEST_CASE("a copy of the state writes nothing to production's target until it is told to adopt it, and then production stops",
          "[e2e][restore][T12]") {
  Site site;
  Bridge production{site.Options(site.state.Dsn())};
  production.Start();
  site.Subscribe(production);
  site.Say(1, 10, "Ada");
  REQUIRE(site.Settled(site.state));
  const test::ScratchFolder folder;
  const std::string dump = folder.path() / "dump.sql";
  RunServerProgram("pg_dump", {"--file", dump, "--dbname", site.state.Dsn()});
  sync::postgres::Session{site.cluster.Dsn()}.Run("CREATE DATABASE the_copy");
  RunServerProgram("psql", {"--quiet", "--no-psqlrc", "--file", dump, "--dbname", site.cluster.Dsn("the_copy")});
  site.Change(1, 5, "Grace");
  REQUIRE(site.Settled(site.state));
  const std::string before = site.crm.Value("SELECT incarnation FROM membridge.belonging");

  Bridge staging{site.Options(site.cluster.Dsn("the_copy"))};
  staging.Start();
  REQUIRE(test::WaitUntil([&] { return IsRefused(staging); }, 30s));
  CHECK(staging.Metric("membridge_degraded{reason=\"ledger_of_another_state\"}") == 1);
  const auto listed = Say(staging, {"targets", "list", "--json"});
  CHECK(listed.status == 1);
  CHECK(nlohmann::json::parse(listed.out).at("targets").at(0).at("standing") == "another_state");
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"sweep", "--full"}, {"reproject", "contacts"}, {"erase", "--user", "user-1", "--yes"}, {"check"}}) {
    CAPTURE(words);
    const auto refused = Say(staging, words);
    CHECK(refused.status == 1);
    CHECK((refused.out + refused.err).find("membridge targets adopt default") != std::string::npos);
  }
  CHECK(site.crm.Value("SELECT incarnation FROM membridge.belonging") == before);
  CHECK(site.WrongRows() == std::vector<std::string>{});

  CHECK(Say(staging, {"targets", "adopt", "default"}).status == 0);
  CHECK(Say(staging, {"targets", "adopt", "default"}).out == "the ledger of default belongs to this state already\n");
  CHECK(Say(staging, {"audit", "list"}).out.find("targets.adopt") != std::string::npos);
  CHECK(test::WaitUntil([&] { return IsRefused(production) && !IsRefused(staging); }, 30s));
  CHECK(Say(staging, {"targets", "list"}).status == 0);
  site.Change(6, 8, "Edsger");  // told to production only, which stores it
  REQUIRE(site.Settled(site.state));
  CHECK_FALSE(site.WrongRows().empty());
  CHECK(Say(staging, {"sweep", "--full"}).status == 0);
  CHECK(test::WaitUntil([&] { return site.WrongRows().empty(); }, 60s));
}

}  // namespace membridge::e2e
