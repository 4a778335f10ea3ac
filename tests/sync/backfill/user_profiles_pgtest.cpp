#include "tests/support/catch.hpp"
#include "tests/sync/backfill/exported_profiles.hpp"

namespace membridge::test {

using namespace std::chrono_literals;
using nlohmann::json;
using sync::Run;
using sync::RunState;

TEST_CASE("user profiles are read where Mem0 keeps them", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(3);
  sync::RunOptions options = Profiles::Asking();
  options.profiles = true;
  SECTION("not enabled") {
    const Run run = profiles.Export(options);
    CHECK(run.state == RunState::kFailed);
    CHECK(run.error == "User Profiles are not enabled in this Mem0 project; enable them at Mem0, or leave `profiles` out");
  }
  SECTION("enabled") {
    const json schema{{"type", "object"}, {"properties", {{"name", {{"type", "string"}}}, {"years", {{"type", "integer"}}}}}};
    profiles.sim.Api("POST", "/v2/profiles/settings/", {{"enabled", true}, {"entities", {{"user", {{"schema", schema}}}}}});
    for (const char* user : {"user-00", "user-01", "user-02"}) {
      profiles.sim.Api("POST", "/v2/profiles/jobs/", {{"operation", "trigger"}, {"entity_type", "user"}, {"entity_id", user}});
    }
    REQUIRE(profiles.sim.WaitIdle());
    const Run run = profiles.Export(options);
    CHECK(run.state == RunState::kDone);
    CHECK(run.error.empty());
    CHECK(profiles.Cell("name", "user-02") == "Name 2");
    CHECK(profiles.Jobs().empty());
  }
}

TEST_CASE("a profile that is not ready is waited for, and none is as good as its status says", "[export][pg]") {
  Profiles profiles;
  profiles.AddUsers(1);
  sync::RunOptions options = Profiles::Asking();
  options.profiles = true;
  const auto script = [](const char* status, const json& profile, int times = 1) {
    return json{{"endpoint", "profiles.get"},
                {"status", 200},
                {"times", times},
                {"body", {{"status", status}, {"profile", profile}, {"updated_at", "2026-02-01T00:00:00Z"}}}};
  };
  SECTION("pending, then there") {
    profiles.sim.SetFaults({{"next", {script("pending", nullptr, 3), script("succeeded", {{"name", "Ada"}, {"years", 8}})}}});
    const Run run = profiles.Export(options);
    CHECK(run.error.empty());
    CHECK(profiles.Cell("name", "user-00") == "Ada");
    CHECK(profiles.sim.Calls("profiles.get") == 4);
  }
  SECTION("pending for too long") {
    options.deadline = 2s;
    profiles.sim.SetFaults({{"next", {script("pending", nullptr, 1000)}}});
    const Run run = profiles.Export(options);
    CHECK(run.Counter("failed") == 1);
    CHECK(profiles.NoteOf(run, "user-00").substr(0, 23) == "failed: not ready after");
  }
  SECTION("failed at Mem0") {
    profiles.sim.SetFaults({{"next", {script("failed", nullptr)}}});
    CHECK(profiles.NoteOf(profiles.Export(options), "user-00") == "failed: Mem0 could not make the profile");
  }
  SECTION("too few memories") {
    profiles.sim.SetFaults({{"next", {script("insufficient_data", nullptr)}}});
    const Run run = profiles.Export(options);
    CHECK(run.Counter("applied") == 1);
    CHECK(profiles.NoteOf(run, "user-00") == "done: too few memories for a profile");
    CHECK(profiles.db.Count("profiles") == 0);
  }
  SECTION("a profile older than the memories is looked at again by the next run, one that is newer is not") {
    profiles.Deliver({profiles.sim.Truth().begin()->first});
    profiles.sim.SetFaults({{"next", {script("succeeded", {{"name", "Ada"}})}}});
    profiles.Export(options);
    json newer = script("succeeded", {{"name", "Ada Lovelace"}});
    newer["body"]["updated_at"] = FormatRfc3339(profiles.clock.Now() + 1h);
    profiles.clock.Advance(2h);
    profiles.sim.SetFaults({{"next", {newer}}});
    CHECK(profiles.Export(options).Counter("unchanged") == 0);
    CHECK(profiles.Cell("name", "user-00") == "Ada Lovelace");
    CHECK(profiles.Export(options).Counter("unchanged") == 1);
  }
}

}  // namespace membridge::test
