// Commands that ask Mem0 whose key it is, and for what it has of a person.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "admin/access/audit.hpp"
#include "sync/queue/queue.hpp"
#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;
using nlohmann::json;

namespace {

/// A migrated database, a local Mem0, and a configuration that names both.
struct Mem0Desk {
  Spoken Run(std::vector<std::string> words) const {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  }
  std::string LastAudited() const {
    auto session = db.Session();
    auto transaction = session.Begin();
    const auto entries = Audit{transaction}.List({}, 1)->entries;
    if (entries.empty()) return "";
    const AuditEntry& entry = entries.front().entry;
    return entry.action + " " + entry.object.substr(0, 4) + " " + std::string{NameOf(entry.outcome)};
  }

  test::Mem0Sim mem0;
  test::PgDatabase db{};
  test::TextFile config{"membridge.yaml", fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: {}, base_url: \"{}\"}}}}\n",
                                                      db.Dsn(), mem0.ApiKey(), mem0.BaseUrl())};
};

}  // namespace

TEST_CASE("a key of another project stops sweeps until the project is adopted, which is audited", "[commands][pg][M2]") {
  Mem0Desk desk;
  const std::string known = desk.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  REQUIRE(desk.Run({"projects", "list"}).status == kDone);
  REQUIRE(desk.Run({"sweep", "--full"}).status == kDone);
  CHECK(desk.db.Count("membridge.memories WHERE gone_at IS NULL") == 1);

  // As after a restart with the key of a project that has nothing of all this.
  desk.db.RunScript("UPDATE membridge.mem0_projects SET project_id = 'proj_old'");
  desk.mem0.Delete(known, false);
  const Spoken listed = desk.Run({"projects", "list"});
  CHECK(listed.status == kFoundProblems);
  CHECK(listed.out.find("run membridge projects adopt crm") != std::string::npos);
  const Spoken swept = desk.Run({"sweep", "--full"});
  CHECK(swept.status == kFoundProblems);
  CHECK((swept.out + swept.err).find("belongs to proj_test") != std::string::npos);
  CHECK(desk.db.Count("membridge.memories WHERE gone_at IS NULL") == 1);

  CHECK(desk.Run({"projects", "adopt", "sales"}).status == kBadUsage);
  const Spoken adopted = desk.Run({"projects", "adopt", "crm", "--json"});
  CAPTURE(adopted.err);
  REQUIRE(adopted.status == kDone);
  CHECK(json::parse(adopted.out)["adopted"] == true);
  CHECK(json::parse(adopted.out)["before"]["project_id"] == "proj_old");
  CHECK(desk.LastAudited() == "projects.adopt crm done");
  CHECK(json::parse(desk.Run({"projects", "adopt", "crm", "--json"}).out)["adopted"] == false);
  CHECK(desk.Run({"projects", "list"}).status == kDone);
  CHECK(desk.Run({"sweep", "--full"}).status == kDone);
  CHECK(desk.db.Count("membridge.memories WHERE gone_at IS NULL") == 0);
}

TEST_CASE("no command asks, changes or deletes anything with the key of another project", "[commands][pg][M2]") {
  Mem0Desk desk;
  const std::string memory = desk.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  REQUIRE(desk.Run({"projects", "list"}).status == kDone);
  REQUIRE(desk.Run({"erase", "--user", "ada", "--yes"}).status == kDone);
  desk.db.RunScript(
      "UPDATE membridge.mem0_projects SET project_id = 'proj_old'; CREATE TABLE people (user_id text PRIMARY KEY, said text)");
  const test::TextFile mapping{"person.yaml",
                               "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {said: $memory.text}}}\n"};
  const test::TextFile config{
      "membridge.yaml",
      fmt::format("database: \"{}\"\nprojects:\n  crm:\n    api_key: {}\n    base_url: \"{}\"\n    webhook: {{public_url: "
                  "\"https://bridge.example.com\"}}\nmappings: [\"{}\"]\n",
                  desk.db.Dsn(), desk.mem0.ApiKey(), desk.mem0.BaseUrl(), mapping.path())};
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  };
  desk.mem0.ResetCalls();
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"webhooks", "plan"},
           {"webhooks", "list"},
           {"webhooks", "apply"},
           {"webhooks", "rotate"},
           {"webhooks", "remove"},
           {"webhooks", "create", "--name", "other", "--url", "https://other.example.com/in", "--events", "memory_add"},
           {"check"},
           {"doctor"},
           {"plan", mapping.path(), "--memory", memory},
           {"fields"},
           {"erase", "--user", "ada", "--at-mem0", "--yes"},
           {"erase", "--user", "ada", "--lift"}}) {
    const Spoken said = run(words);
    CAPTURE(words, said.out, said.err);
    CHECK(said.status == kFoundProblems);
    CHECK((said.out + said.err).find("run membridge projects adopt crm") != std::string::npos);
  }
  CHECK(desk.mem0.Calls() == desk.mem0.Calls("ping"));
  CHECK(desk.mem0.Truth().size() == 1);
  CHECK(desk.db.Count("membridge.erasures WHERE lifted_at IS NOT NULL") == 0);
  CHECK(desk.db.Count("membridge.erasures WHERE finished_at IS NOT NULL") == 1);
  REQUIRE(desk.Run({"projects", "adopt", "crm"}).status == kDone);
  CHECK(run({"webhooks", "apply"}).status == kDone);
  CHECK(run({"plan", mapping.path(), "--memory", memory}).status == 3);
}

TEST_CASE("an erased person is admitted again by a command, with what Mem0 has of them now", "[commands][pg][M12]") {
  Mem0Desk desk;
  const std::string before = desk.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  REQUIRE(desk.Run({"sweep", "--full"}).status == kDone);
  REQUIRE(desk.Run({"erase", "--user", "ada", "--yes"}).status == kDone);
  desk.mem0.Delete(before, false);
  const std::string back = desk.mem0.Add("ada", "Likes coffee", nullptr, {}, false);
  REQUIRE(desk.Run({"sweep", "--full"}).status == kDone);
  CHECK(desk.db.Count("membridge.memories") == 0);
  CHECK(desk.db.Count("membridge.suppressions") == 3);  // the user, and both memories

  CHECK(desk.Run({"erase", "--lift"}).status == kBadUsage);
  CHECK(desk.Run({"erase", "--user", "grace", "--lift", "--yes"}).status == kFoundProblems);
  REQUIRE(desk.Run({"erase", "--user", "ada", "--lift"}).status == kDone);
  CHECK(desk.db.Count("membridge.dirty") == 0);  // only counted
  const Spoken lifted = desk.Run({"erase", "--user", "ada", "--lift", "--yes", "--json"});
  CAPTURE(lifted.err);
  REQUIRE(lifted.status == kDone);
  CHECK(json::parse(lifted.out)["lifted"][0]["memories"] == 1);
  CHECK(lifted.out.find("ada") == std::string::npos);
  CHECK(desk.LastAudited() == "erase.lift crm/ done");
  CHECK(desk.db.Value("SELECT string_agg(memory_id || reason, '') FROM membridge.dirty") == back + "manual");
  REQUIRE(desk.Run({"sweep", "--full"}).status == kDone);
  CHECK(desk.db.Count("membridge.memories WHERE user_id = 'ada'") == 1);

  const json erasures = json::parse(desk.Run({"erase", "--list", "--json"}).out)["erasures"];
  REQUIRE(erasures.size() == 1);
  CHECK(erasures[0]["lifted_at"].is_string());
  CHECK(erasures.dump().find("ada") == std::string::npos);
  CHECK(desk.Run({"erase", "--user", "ada", "--lift", "--yes"}).status == kFoundProblems);
}
