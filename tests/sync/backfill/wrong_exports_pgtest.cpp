#include <fmt/format.h>

#include "mappings/base/digest.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/backfill/exported_profiles.hpp"

// Exports of single users that never come, and lists of users that lie.
namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sync::Run;
using sync::RunState;

std::string NamedInErrors(const std::string& user) {
  return "user " + mappings::Sha256Hex(user).substr(0, 12);
}

}  // namespace

TEST_CASE("one user's export that fails for ever fails at the deadline, and the others are done", "[export][pg][M7]") {
  Profiles profiles;
  profiles.AddUsers(6);
  const json fault = GENERATE(json{{"fails", true}}, json{{"never_ready", true}});
  CAPTURE(fault.dump());
  profiles.sim.SetExports({{"users", {{"user-02", fault}}}});
  sync::RunOptions options = Profiles::Asking();
  options.deadline = 15s;
  const auto began = profiles.clock.Now();
  const Run run = profiles.Export(options);
  CHECK(run.state == RunState::kDone);
  CHECK(run.Counter("applied") == 5);
  CHECK(run.Counter("failed") == 1);
  CHECK(profiles.db.Count("profiles") == 5);
  CHECK(profiles.clock.Now() - began < 60s);
  CAPTURE(run.error);
  CHECK(run.error.find("of 6 users, 1 failed and 0 are parked; " + NamedInErrors("user-02") + ": ") == 0);
  CHECK(run.error.find("user-02") == std::string::npos);
  CHECK(profiles.NoteOf(run, "user-02").starts_with("failed: "));

  // The next run asks about them again.
  profiles.sim.SetExports({{"users", json::object()}});
  CHECK(profiles.Export(options).Counter("failed") == 0);
  CHECK(profiles.db.Count("profiles") == 6);
}

TEST_CASE("while Mem0 is away for everybody, no user's export fails for it", "[export][pg][M7]") {
  Profiles profiles;
  profiles.AddUsers(2);
  profiles.sim.SetExports({{"ready_after_ms", 0}});
  sync::RunOptions options = Profiles::Asking();
  options.deadline = 15s;
  const auto scheduler = profiles.NewScheduler();
  const std::int64_t id = profiles.Start(*scheduler, sync::BackfillKind::kExport, options);
  while (profiles.RunOf(id).Counter("asked") < 2) REQUIRE(scheduler->RunOnce());
  profiles.sim.SetFaults({{"server_error", 1.0}, {"server_error_status", 503}});
  profiles.clock.Advance(1min);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(scheduler->RunOnce());
    profiles.clock.Advance(2min);
  }
  CHECK(profiles.RunOf(id).Counter("failed") == 0);
  profiles.sim.ClearFaults();
  const Run run = profiles.RunToEnd(*scheduler, id);
  CHECK(run.state == RunState::kDone);
  CHECK(run.Counter("applied") == 2);
}

TEST_CASE("a list of users that lies costs a number of calls, is told, and those it shows are exported", "[export][pg][M9]") {
  Profiles profiles;
  profiles.AddUsers(30);
  struct Lie {
    json settings;
    std::int64_t users;
    const char* told;
  };
  const auto lie = GENERATE(
      Lie{{{"list_lie", "repeat"}}, 10, "the list of users is wrong: its pages repeat themselves; 10 entries were seen of 30"},
      Lie{{{"list_lie", "repeat"}, {"list_count_off", -20}}, 10, ""}, Lie{{{"list_lie", "clamp"}}, 30, ""},
      Lie{{{"list_lie", "hollow"}}, 30, ""}, Lie{{{"list_lie", "endless"}}, 30, ""}, Lie{{{"list_lie", "unlinked"}}, 30, ""},
      Lie{{{"list_count_off", 70}}, 30, "the list of users is wrong: it ends before its count; 30 entries were seen of 100"});
  CAPTURE(lie.settings.dump());
  profiles.parts.exporting.page_size = 10;
  profiles.sim.SetSettings(lie.settings);
  const Run run = profiles.Export();
  CAPTURE(run.error);
  CHECK(run.state == RunState::kDone);
  CHECK(run.Counter("users") == lie.users);
  CHECK(profiles.db.Count("profiles") == lie.users);
  CHECK(profiles.sim.Calls("entities.list") <= 8);
  CHECK(run.error.starts_with(lie.told));
  CHECK(run.error.empty() == std::string{lie.told}.empty());
}

TEST_CASE("exports keep the digits of their numbers", "[export][pg][M5]") {
  Backfilling made{"CREATE TABLE ids (user_id text PRIMARY KEY, iccid numeric, price text);", R"yaml(
from: export
ask:
  iccid: The number of the SIM card
  price: What they pay
rows:
  id:
    table: ids
    key: {user_id: $export.user_id}
    set: {iccid: $export.iccid, price: $export.price}
)yaml"};
  made.sim.SetExports({{"ready_after_ms", 0}});
  made.sim.Add("ada", "has a card", nullptr, {}, false);
  made.sim.SetSettings({{"raw_export", R"({"iccid": 89014103211118510720, "price": "1.10"})"}});
  sync::RunOptions options;
  options.mapping = "sheet";
  const Run run = made.RunToEnd(sync::BackfillKind::kExport, options);
  CAPTURE(run.error);
  CHECK(run.Counter("applied") == 1);
  CHECK(made.db.Value("SELECT iccid::text || ' ' || price FROM ids") == "89014103211118510720 1.10");
}

}  // namespace membridge::test
