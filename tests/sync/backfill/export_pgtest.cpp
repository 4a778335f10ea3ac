#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <vector>

#include "mappings/base/digest.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/noise.hpp"
#include "tests/sync/backfill/exported_profiles.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sync::BackfillKind;
using sync::Run;
using sync::RunState;

}  // namespace

TEST_CASE("every user's export becomes their row, with where it came from", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(5);
  profiles.sim.Control("POST", "/memories", {{"agent_id", "bot"}, {"text", "an agent is no user"}});
  const Run run = profiles.Export();
  CHECK(run.state == RunState::kDone);
  CHECK(run.error.empty());
  CHECK(profiles.db.Count("profiles") == 5);
  CHECK(profiles.Cell("name", "user-03") == "Name 3");
  CHECK(profiles.Cell("years", "user-03") == "3");
  CHECK(profiles.Cell("skills", "user-03") == "{Python}");
  CHECK(run.Counter("users") == 5);
  CHECK(run.Counter("applied") == 5);
  CHECK(run.done == 5);
  CHECK(run.total == 5);

  const json jobs = profiles.Jobs();
  REQUIRE(jobs.size() == 5);
  const json& request = jobs[0].at("request");
  CHECK(request.at("filters") == json{{"AND", {{{"user_id", "user-00"}}}}});
  CHECK(request.at("schema").at("properties").at("name").at("anyOf")[0] == json{{"type", "string"}, {"maxLength", 20}});
  CHECK(request.contains("export_instructions"));
  std::set<std::string> ids;
  for (const json& job : jobs) ids.insert(job.at("id").get<std::string>());
  CHECK(ids.contains(profiles.Cell("export_id", "user-03")));
}

TEST_CASE("the next run asks only for users who changed, unless it is a full one", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(6);
  std::vector<std::string> ids;
  for (const auto& [id, record] : profiles.sim.Truth()) ids.push_back(id);
  profiles.Deliver(ids);
  profiles.clock.Advance(1h);
  profiles.Export();
  REQUIRE(profiles.Jobs().size() == 6);
  profiles.clock.Advance(1h);
  const Run none = profiles.Export();
  CHECK(none.Counter("unchanged") == 6);
  CHECK(profiles.Jobs().size() == 6);

  SECTION("a change, and a user who is new") {
    profiles.sim.Advance(2h);
    const std::string added = profiles.sim.Add("user-02", "moved", {{"name", "Grace"}}, {}, false);
    profiles.sim.Add("user-99", "came", {{"name", "Eve"}}, {}, false);
    profiles.Deliver({added});
    const Run run = profiles.Export();
    CHECK(run.Counter("unchanged") == 5);
    CHECK(run.Counter("applied") == 2);
    CHECK(profiles.Cell("name", "user-02") == "Grace");
    CHECK(profiles.Cell("name", "user-99") == "Eve");
  }
  SECTION("a deletion") {
    profiles.sim.Delete(ids[0], false);
    profiles.db.Run("UPDATE membridge.exported SET asked_at = asked_at - interval '1 day'");
    profiles.db.Run("UPDATE membridge.memories SET updated_at = updated_at - interval '2 days'");
    profiles.Deliver({ids[0]});
    CHECK(profiles.Export().Counter("unchanged") == 5);
  }
  SECTION("all of them") {
    sync::RunOptions full = Profiles::Asking();
    full.full = true;
    CHECK(profiles.Export(full).Counter("applied") == 6);
    CHECK(profiles.Jobs().size() == 12);
  }
  SECTION("another question is asked of everybody") {
    sync::RunOptions other = Profiles::Asking();
    other.instructions = "Be brief.";
    CHECK(profiles.Export(other).Counter("applied") == 6);
    CHECK(profiles.Jobs()[11].at("request").at("export_instructions") == "Be brief.");
  }
}

TEST_CASE("a user whose name fits no index fails alone, and the others are exported", "[export][pg][T5]") {
  Profiles profiles;
  profiles.AddUsers(3);
  const std::string fits = Noise(512), long_name = Noise(6000), very_long_name = Noise(2'000'000);
  for (const std::string& user : {fits, long_name, very_long_name}) profiles.sim.Add(user, "works", {{"name", "Eve"}}, {}, false);
  for (int times = 0; times < 2; ++times) {
    const Run run = profiles.Export();
    CAPTURE(run.error.substr(0, 400));
    CHECK(run.state == RunState::kDone);
    CHECK(run.Counter("users") == 6);
    CHECK(run.Counter("failed") == 2);
    CHECK(run.error.find("of 6 users, 2 failed and 0 are parked") == 0);
    CHECK(run.error.find("the user's name has 6000 bytes; at most 512 are taken") != std::string::npos);
    CHECK(run.error.find("user " + mappings::Sha256Hex(long_name).substr(0, 12)) != std::string::npos);
    CHECK(run.error.find(long_name.substr(0, 40)) == std::string::npos);
    CHECK(profiles.db.Count("profiles") == 4);
    CHECK(profiles.Cell("name", fits) == "Eve");
  }
  profiles.sim.SetExports({{"ready_after_ms", 0}, {"users", {{fits, {{"patch", {{"years", "eight"}}}}}}}});
  sync::RunOptions full = Profiles::Asking();
  full.full = true;
  CHECK(profiles.Export(full).Counter("parked") == 1);
  CHECK(profiles.db.Count("membridge.parked") == 1);
}

TEST_CASE("a bad export parks its user, and a better one takes the user out again", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(6);
  profiles.sim.SetExports({{"users",
                            {{"user-00", {{"patch", {{"years", "eight"}}}}},
                             {"user-01", {{"patch", {{"name", "A name much longer than its column is"}}}}},
                             {"user-02", {{"patch", {{"company", "A company much longer than its column"}}}}},
                             {"user-03", {{"patch", {{"mood", "good"}, {"name", "None"}}}, {"remove", {"years"}}}},
                             {"user-04", {{"instance", json::array({1, 2})}}}}}});
  const Run run = profiles.Export();
  CHECK(run.state == RunState::kDone);
  CHECK(run.error == "of 6 users, 0 failed and 3 are parked");
  CHECK(run.Counter("parked") == 3);
  CHECK(run.Counter("applied") == 3);
  CHECK(run.Counter("extra_keys") == 1);
  CHECK(profiles.db.Value("SELECT cause FROM membridge.parked WHERE memory_id = 'user/user-00'") ==
        "the export does not fit: \"years\" is string, asked for was integer");
  CHECK(profiles.db.Value("SELECT sqlstate FROM membridge.parked WHERE memory_id = 'user/user-02'") == "22001");
  CHECK(profiles.db.Count("membridge.parked WHERE memory_id = 'user/user-04'") == 1);
  CHECK(profiles.Cell("name", "user-01") == "A name much longer t");  // the mapping says truncate
  CHECK(profiles.Cell("coalesce(name, 'null') || coalesce(years::text, 'null')", "user-03") == "nullnull");
  CHECK(profiles.Cell("name", "user-05") == "Name 5");
  CHECK(profiles.db.Count("profiles WHERE user_id = 'user-00'") == 0);

  profiles.sim.SetExports({{"users", json::object()}});
  const Run better = profiles.Export();
  CHECK(better.error.empty());
  CHECK(better.Counter("applied") >= 3);  // the parked ones at least; the others may count as changed
  CHECK(profiles.db.Count("membridge.parked") == 0);
  CHECK(profiles.db.Count("profiles") == 6);
}

TEST_CASE("what a person typed stays, and what an export no longer says goes", "[export][pg]") {
  Profiles profiles;
  profiles.sim.Add("ada", "works", {{"name", "Ada"}, {"company", "Initech"}, {"years", 8}}, {}, false);
  profiles.Export();
  profiles.db.Run("UPDATE profiles SET company = 'Initech GmbH'");
  profiles.sim.SetExports({{"users", {{"ada", {{"patch", {{"company", "Globex"}}}, {"remove", {"years"}}}}}}});
  sync::RunOptions full = Profiles::Asking();
  full.full = true;
  profiles.Export(full);
  CHECK(profiles.Cell("company", "ada") == "Initech GmbH");
  CHECK(profiles.Cell("coalesce(years::text, 'null')", "ada") == "null");
  CHECK(profiles.Cell("name", "ada") == "Ada");
}

TEST_CASE("an export that is never ready fails its user when the deadline is over", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(3);
  profiles.sim.SetExports({{"users", {{"user-01", {{"never_ready", true}}}}}});
  const Run run = profiles.Export();
  CHECK(run.state == RunState::kDone);
  CHECK(run.error.starts_with("of 3 users, 1 failed and 0 are parked; user "));
  CHECK(profiles.NoteOf(run, "user-01").substr(0, 23) == "failed: not ready after");
  CHECK(profiles.db.Count("profiles") == 2);
  CHECK(profiles.Jobs().size() == 3);
}

TEST_CASE("an export that nobody looked at until its deadline was over is read all the same", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(3);
  const auto scheduler = profiles.NewScheduler();
  const std::int64_t id = profiles.Start(*scheduler, BackfillKind::kExport, Profiles::Asking());
  while (profiles.Jobs().size() < 3) REQUIRE(scheduler->RunOnce());
  profiles.clock.Advance(1h);
  const auto failing = [&](int status, int times) {
    profiles.sim.SetFaults({{"next",
                             {{{"endpoint", "exports.get"},
                               {"status", status},
                               {"body", {{"detail", "not now"}}},
                               {"headers", {{"Retry-After", "1"}}},
                               {"times", times}}}}});
  };
  SECTION("ready by then") {}
  SECTION("Mem0 throttles the project at each look") {
    failing(429, 6);
  }
  SECTION("the first look gets no answer") {
    failing(503, 1);
  }
  SECTION("the first look of each user gets no answer") {
    failing(502, 3);
  }
  const Run run = profiles.RunToEnd(*scheduler, id);
  CHECK(run.error.empty());
  CHECK(run.Counter("failed") == 0);
  CHECK(profiles.db.Count("profiles") == 3);
  CHECK(profiles.Jobs().size() == 3);
}

TEST_CASE("an answer that was lost costs one more export and never a third", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(3);
  const json lost{{"endpoint", "exports.create"}, {"status", 502}, {"body", "gone"}, {"performed", true}};
  SECTION("lost once") {
    profiles.sim.SetFaults({{"next", {lost}}});
    const Run run = profiles.Export();
    CHECK(run.error.empty());
    CHECK(run.Counter("repeated") == 1);
    CHECK(profiles.Jobs().size() == 4);
    CHECK(profiles.db.Count("profiles") == 3);
  }
  SECTION("lost twice") {
    profiles.sim.SetFaults({{"next", {lost, lost}}});
    const Run run = profiles.Export();
    CHECK(run.Counter("failed") == 1);
    CHECK(run.Counter("repeated") == 1);
    CHECK(profiles.NoteOf(run, "user-00") == "failed: the answer was lost twice");
    CHECK(profiles.Jobs().size() == 4);
    CHECK(profiles.db.Count("profiles") == 2);
  }
  SECTION("surely not made is no loss") {
    profiles.sim.SetFaults(
        {{"next", {{{"endpoint", "exports.create"}, {"status", 429}, {"body", {{"detail", "slow down"}}}, {"times", 3}}}}});
    const Run run = profiles.Export();
    CHECK(run.error.empty());
    CHECK(run.Counter("repeated") == 0);
    CHECK(profiles.Jobs().size() == 3);
  }
}

TEST_CASE("what Mem0 refuses fails one user, and a wrong key the run", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(3);
  SECTION("refused") {
    profiles.sim.SetFaults({{"next", {{{"endpoint", "exports.create"}, {"status", 400}, {"body", {{"error", "no"}}}}}}});
    const Run run = profiles.Export();
    CHECK(run.state == RunState::kDone);
    CHECK(run.Counter("failed") == 1);
    CHECK(profiles.db.Count("profiles") == 2);
  }
  SECTION("unauthorized") {
    profiles.sim.SetFaults({{"unauthorized", true}});
    const Run run = profiles.Export();
    CHECK(run.state == RunState::kFailed);
    CHECK_FALSE(run.error.empty());
  }
  SECTION("no such mapping") {
    sync::RunOptions wrong = Profiles::Asking();
    wrong.mapping = "other";
    const Run run = profiles.Export(wrong);
    CHECK(run.state == RunState::kFailed);
    CHECK(run.error ==
          "project crm has no mapping \"other\" with `from: export`; name one under `mappings:`, or correct `export:` of the "
          "backfill");
  }
}

TEST_CASE("an export that expired unread is asked for again", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(2);
  const auto scheduler = profiles.NewScheduler();
  const std::int64_t id = profiles.Start(*scheduler, BackfillKind::kExport, Profiles::Asking());
  while (profiles.Jobs().size() < 2) REQUIRE(scheduler->RunOnce());
  profiles.clock.Advance(24h * 8);
  profiles.sim.Advance(std::chrono::seconds{24h * 8});
  const Run run = profiles.RunToEnd(*scheduler, id);
  CHECK(run.error.empty());
  CHECK(run.Counter("expired") == 2);
  CHECK(run.Counter("repeated") == 0);
  CHECK(profiles.Jobs().size() == 4);
  CHECK(profiles.db.Count("profiles") == 2);
}

TEST_CASE("exports of users who are gone are withdrawn, unless too many are", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(30);
  profiles.Export();
  REQUIRE(profiles.db.Count("profiles WHERE name IS NOT NULL") == 30);
  const auto remove = [&](std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) profiles.sim.Api("DELETE", fmt::format("/v2/entities/user/user-{:02}/", i));
    REQUIRE(profiles.sim.WaitIdle());
  };
  remove(0, 2);
  const Run run = profiles.Export();
  CHECK(run.Counter("withdrawn") == 2);
  CHECK(profiles.db.Count("profiles WHERE name IS NOT NULL") == 28);
  remove(2, 25);
  const Run many = profiles.Export();
  CHECK(many.Counter("withdrawn") == 0);
  CHECK(many.error == "23 users are gone from Mem0, more than may vanish at once: their rows were left alone");
  CHECK(profiles.db.Count("profiles WHERE name IS NOT NULL") == 28);
  sync::RunOptions allowing = Profiles::Asking();
  allowing.allow_vanishing = true;
  CHECK(profiles.Export(allowing).Counter("withdrawn") == 23);
  CHECK(profiles.db.Count("profiles WHERE name IS NOT NULL") == 5);
}

TEST_CASE("a dry run of an export lists who would be asked about and asks nothing", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(3);
  sync::RunOptions dry = Profiles::Asking();
  dry.dry_run = true;
  const Run run = profiles.Export(dry);
  CHECK(run.state == RunState::kDone);
  CHECK(run.Counter("users") == 3);
  CHECK(run.Counter("unchanged") == 0);
  CHECK(profiles.Jobs().empty());
  CHECK(profiles.db.Count("profiles") == 0);
}

TEST_CASE("sixty users, six of them trouble, 429s, and a kill in the middle", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(60);
  // Ready at once: the clock of this test runs ahead of the one by which the local Mem0 makes exports ready.
  profiles.sim.SetExports({{"ready_after_ms", 0},
                           {"users",
                            {{"user-10", {{"patch", {{"years", "eight"}}}}},
                             {"user-11", {{"patch", {{"name", "A name much longer than its column is"}}}}},
                             {"user-12", {{"patch", {{"mood", "good"}}}}},
                             {"user-13", {{"never_ready", true}}}}}});
  profiles.sim.SetFaults({{"rate_limited", 0.15}});
  std::int64_t id = 0;
  {
    const auto scheduler = profiles.NewScheduler();
    id = profiles.Start(*scheduler, BackfillKind::kExport, Profiles::Asking());
  }
  // A process of its own works the run, and is killed without warning.
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    try {
      const auto scheduler = profiles.NewScheduler();
      while (true) {
        if (const auto worked = scheduler->RunOnce(); worked && !*worked) profiles.clock.Advance(scheduler->NextDue(1s));
      }
    } catch (...) {
      ::_exit(1);
    }
  }
  CHECK(Eventually([&] { return profiles.Jobs().size() >= 25; }));
  ::kill(child, SIGKILL);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  REQUIRE(profiles.Jobs().size() < 60);

  const auto scheduler = profiles.NewScheduler();
  REQUIRE(Eventually([&] {
    REQUIRE(scheduler->RunOnce());
    return profiles.db.Value("SELECT held_until > statement_timestamp() FROM membridge.backfill_runs") == "t";
  }));
  const Run run = profiles.RunToEnd(*scheduler, id);
  CHECK(run.state == RunState::kDone);
  CHECK(run.error.starts_with("of 60 users, 1 failed and 1 are parked; user "));
  CHECK(profiles.Jobs().size() <= 62);
  CHECK(profiles.Jobs().size() == 60 + static_cast<std::size_t>(run.Counter("repeated")));
  CHECK(profiles.db.Count("profiles") == 58);
  for (int i = 0; i < 60; ++i) {
    const std::string user = fmt::format("user-{:02}", i);
    CAPTURE(user);
    if (i == 10 || i == 13) {
      CHECK(profiles.db.Count("profiles WHERE user_id = '" + user + "'") == 0);
    } else {
      CHECK(profiles.Cell("name", user) == (i == 11 ? "A name much longer t" : fmt::format("Name {}", i)));
    }
  }
}

}  // namespace membridge::test
