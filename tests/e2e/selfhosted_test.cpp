// A project at the Platform and a self-hosted Mem0 in one bridge.
#include <fmt/format.h>

#include <fstream>
#include <random>
#include <set>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

constexpr const char* kTable = "CREATE TABLE memories (id uuid PRIMARY KEY, vector text, payload jsonb)";
constexpr const char* kOwnNotes = "CREATE TABLE own_notes (memory_id text PRIMARY KEY, who text, body text)";
constexpr const char* kOwnMapping =
    "rows: {note: {table: own_notes, key: {memory_id: $memory.id}, set: {who: $memory.user_id, body: $memory.text}, gone: "
    "delete}}\n";

/// The application: the table of its Mem0 on a server of its own, which may be away.
class Application {
 public:
  explicit Application(std::uint64_t seed) : random_(seed), database_(cluster_, test::PgDatabase::Content::kBare) {
    database_.RunScript(kTable);
  }

  test::Cluster& Server() { return cluster_; }
  const test::PgDatabase& Database() const { return database_; }

  void Change() {
    const std::string id = fmt::format("00000000-0000-4000-8000-{:012d}", Below(60));
    const std::string payload =
        nlohmann::json{{"data", fmt::format("text {}", Below(1000))}, {"user_id", fmt::format("u{}", Below(9))}}.dump();
    if (Below(4) == 0) {
      database_.Run("DELETE FROM memories WHERE id = $1::uuid", {id});
    } else {
      database_.Run(
          "INSERT INTO memories VALUES ($1::uuid, '[1]', $2::jsonb) ON CONFLICT (id) DO UPDATE SET payload = excluded.payload",
          {id, payload});
    }
  }
  int Below(int limit) { return std::uniform_int_distribution<int>{0, limit - 1}(random_); }

 private:
  std::mt19937_64 random_;
  test::Cluster cluster_;
  test::PgDatabase database_;
};

std::set<std::string> LinesOf(const test::PgDatabase& database, const char* sql) {
  std::set<std::string> lines;
  const auto rows = database.Run(sql);
  for (std::size_t row = 0; row < rows.size(); ++row) lines.emplace(rows.Text(row, 0));
  return lines;
}

bool Agree(const World& world, const Application& application) {
  try {
    return LinesOf(world.Database(), "SELECT concat_ws('|', memory_id, who, body) FROM own_notes") ==
           LinesOf(application.Database(),
                   "SELECT concat_ws('|', id::text, payload ->> 'user_id', payload ->> 'data') FROM memories");
  } catch (const sync::postgres::SqlFailure&) {
    return false;
  }
}

/// The file of the mapping, and the bridge's options with the second project.
test::BridgeOptions OptionsOf(const World& world, const Application& application, const test::ScratchFolder& folder) {
  const auto file = folder.path() / "own_notes.yaml";
  std::ofstream{file} << kOwnMapping;
  test::BridgeOptions options = world.Options();
  options.more_projects =
      fmt::format("  own:\n    source: {{postgres: \"{}\", poll: 1s, sweep: 2s}}\n", application.Database().Dsn());
  options.own_mappings = fmt::format("  - {{file: \"{}\", project: own}}\n", file.string());
  options.mapping_project = "crm";
  return options;
}

std::string Reasons(const test::Bridge& bridge) {
  return test::HttpClient{}.Get(bridge.AdminUrl() + "/readyz").body;
}

}  // namespace

TEST_CASE("a self-hosted Mem0 beside one at the Platform: right rows, with kills on either side", "[e2e][source]") {
  const std::uint64_t seed = SeedOfRun();
  CAPTURE(seed);
  World world{seed};
  world.Database().RunScript(kOwnNotes);
  Application application{seed};
  const test::ScratchFolder folder;
  test::Bridge bridge{OptionsOf(world, application, folder)};
  for (int change = 0; change < 50; ++change) application.Change();
  bridge.Start();
  world.Subscribe(bridge);
  Chatter chatter{seed};
  Live(world, chatter, 5, 30);
  INFO(bridge.Log());
  CHECK(test::WaitUntil([&] { return Agree(world, application); }, 60s));  // by polling

  const auto config = bridge.ConfigFile().string();
  CHECK(test::RunMembridge({"source", "check", "--config", config}).status == 1);
  const auto installed = test::RunMembridge({"source", "install", "--config", config, "--project", "own"});
  INFO(installed.out << installed.err);
  CHECK(installed.status == 0);
  CHECK(test::RunMembridge({"source", "check", "--config", config}).status == 0);
  CHECK(test::WaitUntil([&] { return bridge.Metric("membridge_source_live{project=\"own\"}") == 1.0; }, 30s));

  for (int round = 0; round < 4; ++round) {
    for (int change = 0; change < 60; ++change) application.Change();
    bridge.Kill();
    for (int change = 0; change < 20; ++change) application.Change();
    bridge.Start();
  }
  CHECK(test::WaitUntil([&] { return Agree(world, application); }, 60s));
  for (int change = 0; change < 40; ++change) application.Change();
  application.Server().StopImmediately();
  CHECK(test::WaitUntil([&] { return Reasons(bridge).find("source_away") != std::string::npos; }, 60s));
  CHECK(world.Database().Count("own_notes") > 0);
  application.Server().Start();
  CHECK(test::WaitUntil([&] { return Agree(world, application); }, 90s));

  // Dropped and made again: nothing is deleted before somebody says that the new table is the one.
  const auto before = world.Database().Count("own_notes");
  application.Database().RunScript("DROP TABLE memories");
  CHECK(test::WaitUntil([&] { return Reasons(bridge).find("source_away") != std::string::npos; }, 60s));
  application.Database().RunScript(kTable);
  CHECK(test::WaitUntil([&] { return Reasons(bridge).find("source_unwatched") != std::string::npos; }, 60s));
  CHECK(world.Database().Count("own_notes") == before);
  CHECK(test::RunMembridge({"source", "install", "--config", config}).status == 0);
  for (int change = 0; change < 30; ++change) application.Change();
  application.Database().RunScript("TRUNCATE memories");
  for (int change = 0; change < 30; ++change) application.Change();
  const auto swept = test::RunMembridge({"sweep", "--full", "--project", "own", "--allow-vanishing", "--config", config});
  INFO(swept.out << swept.err);
  CHECK(test::WaitUntil([&] { return Agree(world, application); }, 90s));

  CHECK(world.WaitSettled());
  CHECK(world.WrongRows().empty());
  CHECK(world.Leaks(bridge.Log()).empty());
}

TEST_CASE("commands that a self-hosted Mem0 cannot answer say so", "[e2e][source]") {
  const std::uint64_t seed = SeedOfRun();
  World world{seed};
  world.Database().RunScript(kOwnNotes);
  Application application{seed};
  application.Change();
  application.Database().RunScript(
      "INSERT INTO memories VALUES (gen_random_uuid(), '', '{\"data\": \"x\", \"user_id\": \"ada\"}')");
  const test::ScratchFolder folder;
  const test::Bridge bridge{OptionsOf(world, application, folder)};
  const auto config = bridge.ConfigFile().string();
  REQUIRE(test::RunMembridge({"migrate", "--config", config}).status == 0);
  const auto checked = test::RunMembridge({"check", "--config", config});
  INFO(checked.out << checked.err);
  CHECK(checked.status == 0);
  CHECK(checked.err.find("has no change log") != std::string::npos);
  const auto webhooks = test::RunMembridge({"webhooks", "plan", "--project", "own", "--config", config});
  CHECK(webhooks.err.find("sends no webhooks") != std::string::npos);
  CHECK(application.Database().Count("memories WHERE payload ->> 'user_id' = 'ada'") == 1);
  const auto erased =
      test::RunMembridge({"erase", "--user", "ada", "--project", "own", "--at-mem0", "--yes", "--config", config});
  INFO(erased.out << erased.err);
  CHECK(erased.status == 0);
  CHECK(erased.out.find("\"at_mem0\": \"deleted\"") != std::string::npos);
  CHECK(application.Database().Count("memories WHERE payload ->> 'user_id' = 'ada'") == 0);
  const auto printed = test::RunMembridge({"source", "install", "--print", "--config", config});
  CHECK(printed.status == 0);
  CHECK(printed.out.starts_with("BEGIN;"));
  CHECK(application.Database().Count("pg_namespace WHERE nspname = 'membridge_source'") == 0);
  const auto projects = test::RunMembridge({"projects", "list", "--config", config});
  CHECK(projects.out.find("own: ") != std::string::npos);
}

}  // namespace membridge::e2e
