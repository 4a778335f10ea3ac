// Erasure, with a bridge running: what stands in the database afterwards is searched as a whole.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "sync/embedded/child_process.hpp"
#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::RunMembridge;

const std::string kUser = "ada-lovelace-1815";

/// Everything in the database, as pg_dump writes it, but for the ids a sweep met at Mem0: it lists what Mem0 still has.
std::string Dump(const World& world) {
  const test::ScratchFolder folder;
  sync::ChildOptions options;
  options.command = {sync::FindServerPrograms({}).value() / "pg_dump",
                     "--inserts",
                     "--exclude-table-data=membridge.sweep_seen",
                     "--file",
                     folder.path() / "dump",
                     "--dbname",
                     world.Database().Dsn()};
  options.output = folder.path() / "log";
  auto child = sync::Child::Start(options);
  if (!child) throw std::runtime_error(child.error().message);
  child->Wait(60s);
  std::ifstream stream{folder.path() / "dump"};
  std::string text{std::istreambuf_iterator<char>{stream}, {}};
  if (text.find("PostgreSQL database dump complete") == std::string::npos)
    throw std::runtime_error("pg_dump did not come to its end");
  return text;
}

std::string Hex(const std::string& text) {
  std::string hex;
  for (const char c : text) {
    for (const int nibble : {(c >> 4) & 15, c & 15}) hex += "0123456789abcdef"[nibble];
  }
  return hex;
}

/// Which of these stand in the database, as text or among the bytes of a body.
std::vector<std::string> FoundIn(const std::string& dump, const std::vector<std::string>& traces) {
  std::vector<std::string> found;
  for (const std::string& trace : traces) {
    if (dump.find(trace) != std::string::npos || dump.find(Hex(trace)) != std::string::npos) found.push_back(trace);
  }
  return found;
}

/// The log without warnings and errors. Those may tell an operator which memory needs somebody, by its id alone: on a busy
/// machine one of them may be blocked or looked for longer than usual.
std::string Routine(const std::string& log) {
  std::istringstream lines{log};
  std::string routine;
  for (std::string line; std::getline(lines, line);)
    if (line.find(R"("level":"info")") != std::string::npos) routine += line + "\n";
  return routine;
}

/// What others have in the CRM and in the mirror.
std::string Others(const World& world) {
  return world.Database().Value(
      "SELECT string_agg(line, E'\n' ORDER BY line) FROM ("
      "SELECT to_jsonb(c)::text AS line FROM crm.contacts c WHERE user_ref <> '" +
      kUser +
      "' UNION ALL "
      "SELECT to_jsonb(n)::text FROM crm.notes n JOIN crm.contacts c ON c.id = n.contact_id WHERE c.user_ref <> '" +
      kUser +
      "' UNION ALL "
      "SELECT to_jsonb(t)::text FROM crm.contact_tags t JOIN crm.contacts c ON c.id = t.contact_id WHERE c.user_ref <> '" +
      kUser +
      "' UNION ALL "
      "SELECT (to_jsonb(m) - 'read_at' - 'applied')::text FROM membridge.memories m WHERE user_id <> '" +
      kUser + "') AS lines");
}

void PostHint(const std::string& url, const std::string& memory, const std::string& event, const std::string& text) {
  CHECK(test::HttpClient{}
            .Post(url, json{{"event_details", {{"id", memory}, {"event", event}, {"data", {{"memory", text}}}}}}.dump())
            .status == 200);
}

/// Adds a table that keeps what was so before, in closed versions.
void MakeWarehouse(World& world) {
  std::ifstream warehouse{MEMBRIDGE_SOURCE "/deploy/mappings/warehouse.sql"};
  world.Database().RunScript({std::istreambuf_iterator<char>(warehouse), {}});
}

}  // namespace

TEST_CASE("an erased person is found nowhere, and nothing brings them back", "[e2e][erase]") {
  World world{SeedOfRun()};
  MakeWarehouse(world);
  test::BridgeOptions options = world.Options();
  options.more_mappings.emplace_back(MEMBRIDGE_SOURCE "/deploy/mappings/customers.yaml");
  test::Bridge bridge{options};
  bridge.Start();
  const std::string url = world.Subscribe(bridge);
  const std::vector<std::string> texts{"Name is Augusta Byron. Works at Zyzzyx Engines",
                                       "Prefers English and is owed forty guineas",
                                       "Told us about a lost parcel from Marylebone"};
  const std::vector<std::string> said{kUser,      "Augusta",     "Zyzzyx", "guineas", "Marylebone", "countess@zyzzyx.example",
                                      "Menabrea", "boilermaker", "stoker"};
  std::vector<std::string> traces = said;
  std::vector<std::string> memories;
  for (const std::string& text : texts)
    memories.push_back(world.Mem0().Add(kUser, text, {{"email", "countess@zyzzyx.example"}}, {"support"}));
  for (const std::string& memory : memories) traces.push_back(memory);
  world.Mem0().Add("grace", "Name is Grace Hopper. Works at Initech", nullptr, {"support", "navy"});
  world.Mem0().Add("bob", "Name is Bob. Works at Globex", {{"email", "bob@globex.example"}}, {"complaint"});
  const std::string gone = world.Mem0().Add(kUser, "Once said Menabrea");
  traces.push_back(gone);
  REQUIRE(world.WaitSettled());
  for (const char* job : {"Works as a boilermaker", "Works as a stoker"}) {
    traces.push_back(world.Mem0().Add(kUser, job));
    REQUIRE(world.WaitSettled());
  }
  REQUIRE(world.Database().Count("mart.customer WHERE customer = '" + kUser + "' AND job = 'boilermaker' AND NOT is_current") ==
          1);
  world.Mem0().Delete(gone);
  // A shape of delivery that names the user.
  CHECK(test::HttpClient{}
            .Post(url, json{{"event", "memory_add"}, {"user_id", kUser}, {"memory", "Menabrea again"}}.dump())
            .status == 200);
  REQUIRE(world.WaitSettled());
  CHECK(FoundIn(Dump(world), traces).size() == traces.size());
  const std::string others = Others(world);

  const std::string config = bridge.ConfigFile();
  const auto counted = RunMembridge({"erase", "--user", kUser, "--json", "--config", config});
  REQUIRE(counted.status == 0);
  CHECK(json::parse(counted.out)["projects"][0]["would_erase"]["memories"] == 6);
  CHECK(FoundIn(Dump(world), traces).size() == traces.size());

  const auto erased = RunMembridge({"erase", "--user", kUser, "--yes", "--json", "--config", config});
  CAPTURE(erased.out + erased.err);
  REQUIRE(erased.status == 0);
  const json receipt = json::parse(erased.out)["receipts"][0];
  CHECK(receipt["complete"] == true);
  CHECK(receipt["erased"]["memories"] == 6);
  CHECK(receipt["erased"]["versions_deleted"].get<int>() >= 1);
  CHECK(receipt["at_mem0"] == "not asked for");
  CHECK(FoundIn(erased.out + erased.err, traces) == std::vector<std::string>{});
  CHECK(FoundIn(Dump(world), traces) == std::vector<std::string>{});
  CHECK(Others(world) == others);

  // Mem0 still has the person: late deliveries, a new memory and a full sweep are all for nothing.
  PostHint(url, memories[0], "UPDATE", texts[0]);
  const std::string later = world.Mem0().Add(kUser, "Name is Augusta Byron again");
  traces.push_back(later);
  REQUIRE(world.WaitSettled());
  CHECK(RunMembridge({"sweep", "--full", "--config", config}).status == 0);
  REQUIRE(world.WaitSettled());
  world.Mem0().Delete(memories[1]);  // and its last text is announced
  REQUIRE(world.WaitSettled());
  CHECK(FoundIn(Dump(world), traces) == std::vector<std::string>{});
  CHECK(Others(world) == others);
  CHECK(FoundIn(bridge.Log(), said) == std::vector<std::string>{});
  CHECK(FoundIn(Routine(bridge.Log()), traces) == std::vector<std::string>{});

  const auto again = RunMembridge({"erase", "--user", kUser, "--yes", "--json", "--config", config});
  REQUIRE(again.status == 0);
  const json second = json::parse(again.out)["receipts"][0];
  CHECK(second["user_hash"] == receipt["user_hash"]);
  for (const auto& count : second["erased"]) CHECK(count == 0);
}

TEST_CASE("values of two megabytes are erased like others, wherever they stand", "[e2e][erase][T5]") {
  World world{SeedOfRun()};
  world.Database().RunScript(
      "CREATE TABLE crm.files (owner text PRIMARY KEY, said text, parts text[], papers jsonb);"
      "INSERT INTO crm.files (owner) VALUES ('" +
      kUser + "')");
  const test::ScratchFolder folder;
  const std::string mapping = folder.path() / "files.yaml";
  std::ofstream{mapping} << "rows:\n  file:\n    table: crm.files\n    key: {owner: $memory.user_id}\n    set:\n"
                            "      said: $memory.metadata.said\n      parts[]: $memory.metadata.parts\n"
                            "      papers.all: $memory.metadata.said\n";
  test::BridgeOptions options = world.Options();
  options.more_mappings.push_back(mapping);
  test::Bridge bridge{options};
  bridge.Start();
  world.Subscribe(bridge);
  // Not compressible to something short, and different for each person.
  const auto long_text = [](std::uint64_t x) {
    std::string text = "Menabrea ";
    for (; text.size() < (2U << 20); x = x * 6364136223846793005U + 1442695040888963407U) text += std::to_string(x >> 20) + ' ';
    return text;
  };
  const std::string own = long_text(1), others = long_text(2);
  world.Mem0().Add(kUser, "has files", {{"said", own}, {"parts", {own.substr(0, 1U << 20), "Marylebone"}}});
  world.Mem0().Add("grace", "has files, too", {{"said", others}, {"parts", {others}}});
  REQUIRE(world.WaitSettled());
  const std::string length = "SELECT length(said) || ' ' || length(papers ->> 'all') FROM crm.files WHERE owner = $1";
  const std::string right = std::to_string(own.size()) + ' ' + std::to_string(own.size());
  REQUIRE(world.Database().Value(length, {kUser}) == right);

  const auto erased = RunMembridge({"erase", "--user", kUser, "--yes", "--json", "--config", bridge.ConfigFile()});
  REQUIRE(erased.status == 0);
  CHECK(json::parse(erased.out)["receipts"][0]["complete"] == true);
  CHECK(world.Database().Count(
            "crm.files WHERE owner = '" + kUser +
            "' AND said IS NULL AND coalesce(cardinality(parts), 0) = 0 AND coalesce(papers ->> 'all', '') = ''") == 1);
  CHECK(FoundIn(Dump(world), {own.substr(9, 60), "Marylebone"}) == std::vector<std::string>{});
  CHECK(world.Database().Value(length, {"grace"}) == std::to_string(others.size()) + ' ' + std::to_string(others.size()));
}

TEST_CASE("a person is erased at Mem0 too when that is asked for", "[e2e][erase]") {
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  world.Subscribe(bridge);
  const std::string memory = world.Mem0().Add(kUser, "Name is Augusta Byron");
  world.Mem0().Add("grace", "Name is Grace Hopper");
  REQUIRE(world.WaitSettled());
  const auto erased = RunMembridge({"erase", "--user", kUser, "--at-mem0", "--yes", "--json", "--config", bridge.ConfigFile()});
  CAPTURE(erased.out + erased.err);
  REQUIRE(erased.status == 0);
  CHECK(json::parse(erased.out)["receipts"][0]["at_mem0"] == "deleted");
  const auto truth = world.Mem0().Truth();
  CHECK(truth.size() == 1);
  CHECK_FALSE(truth.contains(memory));
  REQUIRE(world.WaitSettled());
  CHECK(FoundIn(Dump(world), {kUser, "Augusta", memory}) == std::vector<std::string>{});
  CHECK(world.WrongRows() == std::vector<std::string>{});
}

}  // namespace membridge::e2e
