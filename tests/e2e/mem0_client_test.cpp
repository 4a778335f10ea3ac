// Mem0's own open-source client for Node writes, the bridge reads.
#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <set>

#include "sync/embedded/child_process.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

/// Stands in for the extension pgvector, which this machine's PostgreSQL need not have: a type of that name with a dimension, and
/// the operator that the client searches with. The client finds the extension installed and writes as it does everywhere.
constexpr const char* kVector = R"(
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
  VALUES (16000, 'vector', 10, 'public'::regnamespace, false, 'stand-in');
CREATE TYPE vector;
CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector LANGUAGE internal IMMUTABLE STRICT AS 'textin';
CREATE FUNCTION vector_out(vector) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'textout';
CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer LANGUAGE internal IMMUTABLE STRICT AS 'varchartypmodin';
CREATE TYPE vector (INPUT = vector_in, OUTPUT = vector_out, TYPMOD_IN = vector_typmod_in, STORAGE = extended);
CREATE FUNCTION vector_distance(vector, vector) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT 0.5::float8';
CREATE OPERATOR <=> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = vector_distance);
RESET allow_system_table_mods;)";
constexpr const char* kClientNotes = "CREATE TABLE own_notes (memory_id text PRIMARY KEY, who text, body text, tier text)";
constexpr const char* kClientMapping =
    "rows: {note: {table: own_notes, key: {memory_id: $memory.id}, set: {who: $memory.user_id, body: $memory.text, tier: "
    "$memory.metadata.tier}, gone: delete}}\n";

/// Lets the client take a step, and returns what it says it has: `id|text` of each.
std::set<std::string> Write(const test::Cluster& cluster, const std::string& database, const std::string& step, int changes = 0,
                            std::uint64_t seed = 0) {
  const test::ScratchFolder folder;
  sync::ChildOptions options;
  options.command = {MEMBRIDGE_SOURCE "/tests/mem0_sim/fidelity/with-client",
                     MEMBRIDGE_OSS_CLIENT,
                     "write.mjs",
                     fmt::format("postgresql://postgres@localhost/{}?host={}", database, cluster.SocketFolder().string()),
                     step,
                     std::to_string(changes),
                     std::to_string(seed % 1'000'000)};
  options.output = folder.path() / "told";
  options.environment = {"CLIENT_FILES=" MEMBRIDGE_SOURCE "/tests/selfhosted"};
  auto child = sync::Child::Start(options);
  if (!child || !child->Wait(180s + changes * 1s)) throw std::runtime_error("the client did not come to its end");
  std::ifstream stream{options.output};
  const std::string out{std::istreambuf_iterator<char>{stream}, {}};
  const auto begin = out.rfind("\n[", out.size());
  const auto told = nlohmann::json::parse(out.substr(begin == std::string::npos ? 0 : begin + 1), nullptr, false);
  if (!told.is_array()) throw std::runtime_error("the client said: " + out.substr(0, 2000));
  std::set<std::string> memories;
  for (const auto& memory : told) memories.insert(memory["id"].get<std::string>() + "|" + memory["text"].get<std::string>());
  return memories;
}

std::set<std::string> Notes(const test::PgDatabase& database) {
  const auto rows = database.Run("SELECT memory_id || '|' || body FROM own_notes");
  std::set<std::string> notes;
  for (std::size_t row = 0; row < rows.size(); ++row) notes.emplace(rows.Text(row, 0));
  return notes;
}

}  // namespace

TEST_CASE("what Mem0's open-source client writes becomes rows", "[e2e][source]") {
  const std::uint64_t seed = SeedOfRun();
  World world{seed};
  world.Database().RunScript(kClientNotes);
  test::Cluster cluster;
  const test::PgDatabase mem0{cluster, test::PgDatabase::Content::kBare};
  mem0.RunScript(kVector);
  const std::string name = mem0.Value("SELECT current_database()");
  const test::ScratchFolder folder;
  const auto file = folder.path() / "own_notes.yaml";
  std::ofstream{file} << kClientMapping;
  test::BridgeOptions options = world.Options();
  options.more_projects = fmt::format("  own:\n    source: {{postgres: \"{}\", poll: 1s}}\n", mem0.Dsn());
  options.own_mappings = fmt::format("  - {{file: \"{}\", project: own}}\n", file.string());
  options.mapping_project = "crm";
  test::Bridge bridge{options};
  bridge.Start();  // the table does not exist yet: told, and waited for
  const auto filled = Write(cluster, name, "fill");
  CHECK(filled.size() == 10);
  INFO(bridge.Log());
  CHECK(test::WaitUntil([&] { return Notes(world.Database()) == filled; }, 60s));
  CHECK(world.Database().Count("own_notes WHERE tier = 'gold' AND who IN ('ada', 'bob')") == 4);

  CHECK(test::RunMembridge({"source", "install", "--config", bridge.ConfigFile().string()}).status == 0);
  const auto changed = Write(cluster, name, "change");
  CHECK(changed.size() == 5);
  CHECK(test::WaitUntil([&] { return Notes(world.Database()) == changed; }, 60s));

  // Random changes, while the bridge and Mem0's PostgreSQL are killed in turn; MEMBRIDGE_SOURCE_CHANGES says how many.
  CAPTURE(seed);
  const char* wanted = std::getenv("MEMBRIDGE_SOURCE_CHANGES");
  const int changes = wanted != nullptr ? std::atoi(wanted) : 60;
  auto writing = std::async(std::launch::async, [&] { return Write(cluster, name, "random", changes, seed); });
  const auto entries = [&] {
    return mem0.Session().Run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").Int(0, 0);
  };
  const auto over = [&] { return writing.wait_for(0s) == std::future_status::ready; };
  const int kills = 2 + changes / 60;
  for (int kill = 0; kill < kills && !over(); ++kill) {
    const auto next = entries() + changes / (kills + 1);
    test::WaitUntil([&] { return over() || entries() > next; }, 60s);
    if (kill % 2 == 0) {  // the client waits meanwhile, so the bridge is killed too
      cluster.StopImmediately();
      cluster.Start();
    } else {
      bridge.Kill();
      bridge.Start();
    }
  }
  const auto written = writing.get();
  CHECK(test::WaitUntil([&] { return Notes(world.Database()) == written; }, 90s));

  // A reset drops the table and makes it again. A sweep takes away what is gone once the new table counts, and a person has said
  // that so much may vanish.
  CHECK(Write(cluster, name, "reset").empty());
  const std::string config = bridge.ConfigFile().string();
  CHECK(test::RunMembridge({"source", "install", "--config", config}).status == 0);
  static_cast<void>(test::RunMembridge({"sweep", "--full", "--project", "own", "--allow-vanishing", "--config", config}));
  CHECK(test::WaitUntil([&] { return Notes(world.Database()).empty(); }, 60s));
}

}  // namespace membridge::e2e
