// `membridge kept`: what it prints, what it refuses, and that a decision is written down.
#include <fmt/format.h>

#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;
using nlohmann::json;

namespace {

/// A table, a mapping, a local Mem0, and a person who disagrees with one memory. Without `serve`: sweeps by hand apply.
struct KeptDesk {
  KeptDesk() {
    db.RunScript("CREATE TABLE people (id text PRIMARY KEY, nick text)");
    memory = mem0.Add("ada", "Ada", nullptr, {}, false);
    Sweep();
    db.RunScript("UPDATE people SET nick = 'Countess'");
    mem0.Update(memory, "Augusta", false);
    Sweep();
  }
  void Sweep() const {
    const Spoken swept = Run({"sweep", "--full"});
    INFO(swept.err);
    REQUIRE(swept.status == kDone);
  }
  /// A sweep leaves what is marked already to the workers, and works for them when it is done.
  void SweepUntil(const std::string& nick) const {
    for (int i = 0; i < 3 && Nick() != nick; ++i) Sweep();
  }
  Spoken Run(std::vector<std::string> words) const {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  }
  std::string Nick() const { return db.Value("SELECT nick FROM people"); }
  std::string Id() const { return json::parse(Run({"kept", "list", "--json"}).out)["cells"][0]["id"]; }

  test::Mem0Sim mem0;
  test::PgDatabase db{};
  test::TextFile mapping{"people.yaml",
                         "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.text}}}\n"};
  test::TextFile config{"membridge.yaml",
                        fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: {}, base_url: \"{}\"}}}}\nmappings: [{}]\n",
                                    db.Dsn(), mem0.ApiKey(), mem0.BaseUrl(), mapping.path())};
  std::string memory;
};

}  // namespace

TEST_CASE("kept list, take and dismiss on the command line", "[commands][kept][pg]") {
  KeptDesk desk;
  const Spoken listed = desk.Run({"kept", "list"});
  CAPTURE(listed.err);
  REQUIRE(listed.status == kDone);
  const std::string id = desk.Id();
  CHECK(listed.out.rfind(
            id + "  public.people {\"id\":\"ada\"} nick\n    stands: 'Countess'\n    " + desk.memory + " says 'Augusta' ", 0) ==
        0);

  SECTION("taken: marked for the workers, and followed from then on") {
    const Spoken taken = desk.Run({"kept", "take", id});
    CHECK(taken.status == kDone);
    CHECK(taken.out ==
          id + ": nick of public.people is the bridge's from now on; a worker of membridge serve writes it in a moment\n");
    CHECK(desk.db.Count("membridge.dirty WHERE reason = 'reproject'") == 1);
    desk.mem0.Update(desk.memory, "Ada King", false);
    desk.SweepUntil("Ada King");
    CHECK(desk.Nick() == "Ada King");
    CHECK(desk.Run({"kept", "list"}).out == "no memory disagrees with a person\n");
    CHECK(desk.db.Count(
              "membridge.audit WHERE action = 'kept.take' AND object = 'default/public.people.nick' AND outcome = 'done'") == 1);
  }
  SECTION("dismissed: not asked again until the memory says something else") {
    CHECK(json::parse(desk.Run({"kept", "dismiss", id, "--json"}).out)["cells"][0]["cell"] == "nick");
    desk.Sweep();
    CHECK(desk.Run({"kept", "list"}).out == "no memory disagrees with a person\n");
    desk.mem0.Update(desk.memory, "Ada King", false);
    desk.Sweep();
    CHECK(desk.Nick() == "Countess");
    CHECK(desk.Id() != id);
  }
  SECTION("several ids: one that is not open keeps no other from being decided") {
    const Spoken mixed = desk.Run({"kept", "dismiss", "99-0123456789ab", id});
    CHECK(mixed.status == kFoundProblems);
    CHECK(mixed.err.rfind("error: no disagreement 99-0123456789ab is open; ", 0) == 0);
    CHECK(mixed.out.rfind(id + ": ", 0) == 0);
  }
  SECTION("wrong filters and cursors are usage errors") {
    CHECK(desk.Run({"kept", "list", "--target", "warehouse"}).status == kBadUsage);
    CHECK(desk.Run({"kept", "list", "--cursor", "x"}).status == kBadUsage);
    CHECK(desk.Run({"kept", "list", "--limit", "0"}).status == kBadUsage);
    CHECK(desk.Run({"kept", "list", "--mapping", "other"}).out == "no memory disagrees with a person\n");
  }
}

TEST_CASE("parked candidates and choose on the command line", "[commands][parked][pg]") {
  test::Mem0Sim mem0;
  const test::PgDatabase db;
  db.RunScript(
      "CREATE TABLE people (id int PRIMARY KEY, ref text, name text, nick text); "
      "INSERT INTO people VALUES (1, 'ada', 'Ada King', NULL), (2, 'ada', 'Ada Byron', NULL)");
  const test::TextFile mapping{
      "people.yaml", "rows: {person: {table: people, create: false, key: {ref: $memory.user_id}, set: {nick: $memory.text}}}\n"};
  const test::TextFile config{
      "membridge.yaml", fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: {}, base_url: \"{}\"}}}}\nmappings: [{}]\n",
                                    db.Dsn(), mem0.ApiKey(), mem0.BaseUrl(), mapping.path())};
  const auto run = [&](std::vector<std::string> words) {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  };
  const std::string memory = mem0.Add("ada", "Augusta", nullptr, {}, false);
  run({"sweep", "--full"});
  const Spoken listed = run({"parked", "candidates", memory});
  CAPTURE(listed.err);
  REQUIRE(listed.status == kDone);
  CHECK(listed.out.find("means one of 2 rows of public.people, says mapping people") != std::string::npos);
  CHECK(listed.out.find("Ada King") != std::string::npos);
  CHECK(listed.out.find("Ada Byron") != std::string::npos);
  CHECK(listed.out.find("ref ") == std::string::npos);  // alike in both
  CHECK(run({"parked", "choose", memory, "3"}).err == "error: no row of key 3 matches this memory; these do: 1 2\n");
  const Spoken chosen = run({"parked", "choose", memory, "2"});
  CHECK(chosen.status == kDone);
  CHECK(chosen.out == "this user's memories mean public.people 2 from now on; 1 memory is applied again in a moment\n");
  CHECK(db.Count("membridge.audit WHERE action = 'parked.choose' AND outcome = 'done'") == 1);
  CHECK(db.Count("membridge.dirty WHERE reason = 'manual'") == 1);  // for the workers
  CHECK(db.Value("SELECT identity ->> 'id' FROM membridge.choices") == "2");
  CHECK(run({"parked", "candidates", memory}).status == kFoundProblems);
}
