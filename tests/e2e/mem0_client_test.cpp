// Mem0's own open-source client for Node writes, the bridge reads.
#include <fmt/format.h>

#include <fstream>
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
std::set<std::string> Write(const test::Cluster& cluster, const std::string& database, const std::string& step) {
  const test::ScratchFolder folder;
  sync::ChildOptions options;
  options.command = {MEMBRIDGE_SOURCE "/tests/mem0_sim/fidelity/with-client", MEMBRIDGE_OSS_CLIENT, "write.mjs",
                     fmt::format("postgresql://postgres@localhost/{}?host={}", database, cluster.SocketFolder().string()), step};
  options.output = folder.path() / "told";
  options.environment = {"CLIENT_FILES=" MEMBRIDGE_SOURCE "/tests/selfhosted"};
  auto child = sync::Child::Start(options);
  if (!child || !child->Wait(180s)) throw std::runtime_error("the client did not come to its end");
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
  World world{SeedOfRun()};
  world.Database().RunScript(kClientNotes);
  const test::Cluster cluster;
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

  // A reset drops the table and makes it again; ten memories at most are gone, so a sweep takes them away once the new table
  // counts.
  CHECK(Write(cluster, name, "reset").empty());
  CHECK(test::RunMembridge({"source", "install", "--config", bridge.ConfigFile().string()}).status == 0);
  CHECK(test::WaitUntil([&] { return Notes(world.Database()).empty(); }, 60s));
}

}  // namespace membridge::e2e
