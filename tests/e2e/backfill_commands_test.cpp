#include <string>
#include <vector>

#include "tests/e2e/profiles.hpp"
#include "tests/support/catch.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

const std::string kBackfill =
    "[{name: sweep, project: crm, sweep: full, schedule: '0 3 1 1 *'}, "
    "{name: nightly, project: crm, export: profile, schedule: '30 4 1 1 *', timezone: Europe/Berlin}]";

struct Commands {
  Commands() : profiles(world), bridge(profiles.Options(kBackfill)) {
    if (test::RunMembridge({"migrate", "--config", bridge.ConfigFile()}).status != 0) throw std::runtime_error("not migrated");
  }
  json Run(const std::vector<std::string>& command, int status = 0) { return JsonOf(bridge, command, status); }
  test::CommandOutcome Plainly(std::vector<std::string> command) {
    command.insert(command.end(), {"--config", bridge.ConfigFile()});
    return test::RunMembridge(command);
  }
  /// How many rows have been written in the target, the ledger, the mirror and the queue, as PostgreSQL counts.
  std::string Writes() {
    const auto alone = [&] {
      return world.Database().Count(
                 "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'membridge%' AND pid <> "
                 "pg_backend_pid()") == 0;
    };
    // What a session wrote is in the statistics when the session is gone.
    if (!test::WaitUntil(alone)) throw std::runtime_error("a command's session stays");
    return world.Database().Value(
        "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables WHERE schemaname = 'crm' "
        "OR relname IN ('memories', 'rows', 'contributions', 'dirty')");
  }

  World world{SeedOfRun()};
  Profiles profiles;
  test::Bridge bridge;
};

}  // namespace

TEST_CASE("a thousand memories from before the bridge cost twenty calls, and a second sweep writes nothing", "[e2e][backfill]") {
  Commands commands;
  commands.world.Mem0().Load(50, 1000, {{"text", "Works at Firm {i}"}});
  commands.world.Mem0().ResetCalls();
  const json first = commands.Run({"sweep", "--full"});
  CHECK(first.at("state") == "done");
  CHECK(first.at("share") == 1.0);
  CHECK(first.at("counters").at("loaded") == 1000);
  CHECK(commands.world.Mem0().Calls() <= 20);
  CHECK(commands.world.WrongRows() == std::vector<std::string>{});

  const std::string written = commands.Writes();
  CHECK(std::stol(written) > 1000);
  const auto second = commands.Plainly({"sweep", "--full"});
  CHECK(second.status == 0);
  CHECK(second.out.find(": done, 1,000 of 1,000 memories") != std::string::npos);
  CAPTURE(second.err);
  CHECK(second.err.find("sweep by hand, crm  ") == 0);  // progress, as lines: nobody sits at a terminal
  CHECK(second.err.find('\r') == std::string::npos);
  CHECK(commands.Writes() == written);
}

TEST_CASE("a sweep since a time reads what changed since then", "[e2e][backfill]") {
  Commands commands;
  commands.world.Mem0().Load(10, 300, {{"text", "Works at Firm {i}"}});
  commands.world.Mem0().Advance(std::chrono::hours{2});
  commands.world.Mem0().Add("user-3", "Works at Globex", nullptr, {}, false);
  commands.world.Mem0().ResetCalls();
  const json later = commands.Run({"sweep", "--since", FormatRfc3339(SystemClock{}.Now() + std::chrono::hours{1})});
  CHECK(later.at("kind") == "incremental_sweep");
  CHECK(later.at("done") == 1);
  CHECK(commands.world.Mem0().Calls() == 2);  // whose key it is, and the page
  CHECK(commands.world.Database().Value("SELECT company FROM crm.contacts") == "Globex");
  CHECK(commands.Run({"sweep", "--since", "1h"}).at("done") == 301);
  const auto wrong = commands.Plainly({"sweep", "--since", "yesterday"});
  CHECK(wrong.status == 2);
  CHECK(wrong.err == "error: --since: \"yesterday\" is no time; write 2026-03-01, or an age such as 2h\n");
}

TEST_CASE("a dry run says what would happen and does none of it", "[e2e][backfill]") {
  Commands commands;
  commands.profiles.AddUsers(5);
  SECTION("of a sweep") {
    const std::string written = commands.Writes();
    const auto dry = commands.Plainly({"sweep", "--full", "--dry-run"});
    CHECK(dry.status == 0);
    CHECK(dry.out.find("dry run: 5 of 5 memories would be applied, 0 are missing and would be read") != std::string::npos);
    CHECK(commands.Writes() == written);
    CHECK(commands.world.Database().Count("crm.contacts") == 0);
    CHECK(commands.world.Database().Count("membridge.dirty") == 0);
    CHECK(commands.world.Database().Count("membridge.backfill_totals") == 0);

    commands.Run({"sweep", "--full"});
    const auto gone = commands.world.Mem0().Truth().begin()->first;
    commands.world.Mem0().Delete(gone, false);
    const json missing = commands.Run({"sweep", "--full", "--dry-run"});
    CHECK(missing.at("counters").at("missing") == 1);
    CHECK(missing.at("dry_run") == true);
    CHECK(commands.world.Database().Count("membridge.dirty") == 0);
  }
  SECTION("of an export") {
    const auto dry = commands.Plainly({"backfill", "run", "nightly", "--dry-run"});
    CHECK(dry.status == 0);
    CHECK(dry.out.find("dry run: 5 of 5 users would be asked about") != std::string::npos);
    CHECK(commands.world.Mem0().Control("GET", "/exports").at("jobs").empty());
    CHECK(commands.world.Database().Count("crm.profiles") == 0);
  }
}

TEST_CASE("a run is cancelled with its next page, and the next run of that name works", "[e2e][backfill]") {
  Commands commands;
  commands.world.Mem0().Load(50, 2000, {{"text", "Works at Firm {i}"}});
  commands.world.Mem0().SetFaults({{"latency_ms", 300}});
  commands.bridge.Start();
  const json queued = commands.Run({"backfill", "run", "sweep", "--no-wait"});
  const auto running = [&] {
    return commands.world.Database().Count("membridge.backfill_runs WHERE state = 'running' AND done > 0") == 1;
  };
  REQUIRE(test::WaitUntil(running));
  CHECK(commands.Plainly({"backfill", "run", "sweep"}).status == 2);  // one at a time
  const auto cancelled = commands.Plainly({"backfill", "cancel", "sweep"});
  CHECK(cancelled.status == 0);
  CHECK(cancelled.out == "run " + queued.at("id").dump() + " stops with its next page\n");
  REQUIRE(test::WaitUntil([&] { return NewestRun(commands.bridge, "sweep").at("state") == "cancelled"; }));
  CHECK(NewestRun(commands.bridge, "sweep").at("done") < 2000);
  CHECK(commands.Plainly({"backfill", "cancel", "sweep"}).status == 2);
  CHECK(commands.Plainly({"backfill", "cancel", queued.at("id").dump()}).status == 2);

  commands.world.Mem0().ClearFaults();
  CHECK(commands.Run({"backfill", "run", "sweep"}).at("state") == "done");
  CHECK(commands.world.WrongRows() == std::vector<std::string>{});
}

TEST_CASE("a schedule is paused and resumed, and the list says so", "[e2e][backfill]") {
  Commands commands;
  const auto nightly = [&] { return commands.Run({"backfill", "list"}).at("backfills").at(1); };
  CHECK(nightly().at("name") == "nightly");
  CHECK(nightly().at("next_at").get<std::string>().substr(4) == "-01-01T03:30:00.000000Z");
  CHECK(nightly().at("paused_at") == nullptr);
  CHECK(commands.Run({"backfill", "pause", "nightly"}).at("paused_at") != nullptr);
  CHECK(nightly().at("next_at") == nullptr);
  CHECK(commands.Plainly({"backfill", "list"}).out.find("paused since 20") != std::string::npos);
  CHECK(commands.Run({"backfill", "resume", "nightly"}).at("paused_at") == nullptr);
  CHECK(nightly().at("next_at") != nullptr);
  const auto again = commands.Plainly({"backfill", "resume", "nightly"});
  CHECK(again.status == 2);
  CHECK(again.err == "error: backfill \"nightly\" is not paused\n");
  CHECK(commands.Plainly({"backfill", "pause", "nightl"}).err ==
        "error: no backfill \"nightl\" in the configuration; did you mean \"nightly\"?\n");
}

TEST_CASE("many memories missing at once stop a sweep until it is allowed", "[e2e][backfill]") {
  Commands commands;
  commands.world.Mem0().Load(10, 100, {{"text", "Works at Firm {i}"}});
  commands.Run({"sweep", "--full"});
  std::vector<std::string> ids;
  for (const auto& [id, record] : commands.world.Mem0().Truth()) ids.push_back(id);
  for (std::size_t i = 0; i < 40; ++i) commands.world.Mem0().Delete(ids[i], false);
  const json refused = commands.Run({"sweep", "--full"}, 1);
  CHECK(refused.at("state") == "failed");
  CHECK(refused.at("error").get<std::string>().find("40 of 100 memories are missing at Mem0") == 0);
  CHECK(commands.world.Database().Count("membridge.memories WHERE gone_at IS NULL") == 100);

  const json allowed = commands.Run({"sweep", "--full", "--allow-vanishing"});
  CHECK(allowed.at("counters").at("repaired_deleted") == 40);
  CHECK(commands.world.WrongRows() == std::vector<std::string>{});
}

}  // namespace membridge::e2e
