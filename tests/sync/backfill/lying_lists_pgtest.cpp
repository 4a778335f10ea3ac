#include <string>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/sync/backfill/backfilling.hpp"

// Lists at Mem0 that lie, and records in them that cannot be read.
namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sync::BackfillKind;
using sync::Run;
using sync::RunState;

struct ListedNotes : Backfilling {
  ListedNotes()
      : Backfilling("CREATE TABLE notes (memory_id text PRIMARY KEY, body text);", R"yaml(
rows:
  note:
    table: notes
    key: {memory_id: $memory.id}
    set: {body: $memory.text}
    gone: delete
)yaml") {
    parts.sweep.page_size = 20;
  }

  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    for (const auto& [id, record] : sim.Truth()) ids.push_back(id);
    return ids;
  }
  std::string Watermark() const { return db.Value("SELECT coalesce(max(watermark)::text, '') FROM membridge.sweep_watermarks"); }
};

}  // namespace

TEST_CASE("a record that cannot be read is parked, and the sweep concludes about all others", "[sweep][pg][M3]") {
  ListedNotes notes;
  notes.sim.Load(5, 60);
  notes.RunToEnd(BackfillKind::kFullSweep);
  const std::vector<std::string> ids = notes.Ids();
  const std::string& odd = ids[3];
  const std::string watermark = notes.Watermark();
  const std::string begin = R"({"id":")" + odd + R"(","memory":"odd","updated_at":"2026-01-01T00:00:00Z",)";
  const auto rest = GENERATE(as<std::string>{}, R"("score":NaN})", R"("score":Infinity})", R"("score":-Infinity})",
                             R"("metadata":{"n":1e999999}})", R"("metadata":{"t":"half \ud83d"}})", R"("user_id":7})",
                             R"("memory":["no","text"]})", R"("expiration_date":"never"})", R"("updated_at":17})");
  CAPTURE(rest);
  notes.sim.SetSettings({{"raw_records", {{odd, begin + rest}}}});
  notes.sim.Delete(ids[7], false);
  notes.sim.Update(ids[9], "newer", false);
  notes.clock.Advance(1h);

  for (int round = 0; round < 2; ++round) {
    const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
    CAPTURE(round, run.error);
    CHECK(run.state == RunState::kDone);
    CHECK(run.Counter("walks") == 1);
    CHECK(run.Counter("unreadable") == 1);
    CHECK(notes.db.Count("notes") == 59);
    CHECK(notes.db.Count("notes WHERE body = 'newer'") == 1);
    CHECK(notes.db.Count("notes WHERE memory_id = '" + odd + "'") == 1);  // what was known of it stays
    CHECK(notes.db.Value("SELECT string_agg(memory_id, ',') FROM membridge.parked") == odd);
    if (round == 0) CHECK(run.Counter("repaired_deleted") == 1);
  }
  CHECK(notes.Watermark() > watermark);

  notes.sim.SetSettings({{"raw_records", json::object()}});
  notes.sim.Update(odd, "readable again", false);
  const Run mended = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(mended.state == RunState::kDone);
  CHECK(notes.db.Count("notes WHERE body = 'readable again'") == 1);
  CHECK(notes.db.Count("membridge.parked") == 0);
}

TEST_CASE("a record that shows no id is passed over and told, and one whose key comes twice counts as its last",
          "[sweep][pg][M3]") {
  ListedNotes notes;
  notes.sim.Load(5, 60);
  notes.RunToEnd(BackfillKind::kFullSweep);
  const std::vector<std::string> ids = notes.Ids();
  notes.sim.Delete(ids[7], false);
  SECTION("no id") {
    const auto record = GENERATE(as<std::string>{}, R"({"memory":"x"})", R"({"id":7,"memory":"x"})", R"({"id":null,"score":NaN})",
                                 "null", "NaN", R"("text")", "[]", R"({"id":"../../x"})");
    CAPTURE(record);
    notes.sim.SetSettings({{"raw_records", {{ids[3], record}}}});
    // Read alone it shows no id either: that may be somebody in between, so the workers go on asking.
    notes.parts.sweep.confirm_patience = 10s;
    const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
    CHECK(run.state == RunState::kDone);
    CHECK(run.Counter("walks") == 1);
    CHECK(run.error ==
          "1 memories were not read again in time: they stay in the queue and are not counted; "
          "1 records without an id were passed over");
    CHECK(run.Counter("repaired_deleted") == 1);
    CHECK(notes.db.Count("notes") == 59);
  }
  SECTION("a key twice") {
    notes.sim.SetSettings(
        {{"raw_records",
          {{ids[3], R"({"id":")" + ids[3] + R"(","memory":"first","memory":"second","updated_at":"2035-01-01T00:00:00Z"})"}}}});
    const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
    CHECK(run.state == RunState::kDone);
    CHECK(notes.db.Value("SELECT body FROM notes WHERE memory_id = '" + ids[3] + "'") == "second");
    CHECK(notes.db.Count("notes") == 59);
  }
}

TEST_CASE("a list that lies costs a number of calls, is told, and takes nothing away that is there", "[sweep][pg][M9]") {
  ListedNotes notes;
  notes.sim.Load(5, 100);
  notes.RunToEnd(BackfillKind::kFullSweep);
  const std::vector<std::string> ids = notes.Ids();
  notes.sim.Delete(ids[7], false);
  notes.clock.Advance(1h);
  const std::string watermark = notes.Watermark();

  struct Lie {
    json settings;
    bool sound;
    std::uint64_t most_calls;
    const char* told;
  };
  const auto lie = GENERATE(Lie{{{"list_lie", "clamp"}}, true, 10, ""}, Lie{{{"list_lie", "hollow"}}, true, 15, ""},
                            Lie{{{"list_lie", "endless"}}, true, 10, ""}, Lie{{{"list_lie", "unlinked"}}, true, 10, ""},
                            Lie{{{"list_count_off", 50}}, true, 20, "Mem0 counts 149 memories and lists 99"},
                            Lie{{{"list_count_off", -50}}, true, 10, ""},
                            Lie{{{"list_count_off", -1000}, {"list_lie", "clamp"}}, true, 10, ""});
  CAPTURE(lie.settings.dump());
  notes.sim.SetSettings(lie.settings);
  notes.sim.ResetCalls();
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CAPTURE(run.error);
  CHECK(notes.sim.Calls("memories.list") <= lie.most_calls + 2);  // and the one that is gone is asked about
  CHECK((run.state == RunState::kDone) == lie.sound);
  CHECK(run.error.find(lie.told) == 0);
  CHECK(run.Counter("repaired_deleted") == 1);
  CHECK(notes.db.Count("notes") == 99);
  CHECK((notes.Watermark() > watermark) == lie.sound);
}

TEST_CASE("a list that shows its first page for ever fails the sweep, which tells so", "[sweep][pg][M9]") {
  ListedNotes notes;
  notes.sim.Load(5, 100);
  notes.RunToEnd(BackfillKind::kFullSweep);
  const std::string watermark = notes.Watermark();
  notes.clock.Advance(1h);
  notes.sim.SetSettings({{"list_lie", "repeat"}});
  notes.sim.ResetCalls();
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.state == RunState::kFailed);
  CHECK(run.error ==
        "80 of 100 memories are missing at Mem0, more than may vanish at once; walked 3 times and never undisturbed (the list is "
        "wrong: its pages repeat themselves): what was met is applied, but there may be more; the watermark stays; make sure the "
        "API key is the right project's; if they are really gone, sweep again with --allow-vanishing");
  CHECK(notes.sim.Calls() <= 15);
  CHECK(notes.db.Count("notes") == 100);
  CHECK(notes.db.Count("membridge.dirty") == 0);
  CHECK(notes.Watermark() == watermark);
}

TEST_CASE("an increment whose list never comes to a sound end fails, and what it met is applied", "[sweep][pg][M9]") {
  ListedNotes notes;
  notes.sim.Load(5, 60);
  notes.sim.SetSettings({{"list_lie", "repeat"}});
  const Run run = notes.RunToEnd(BackfillKind::kIncrementalSweep);
  CHECK(run.state == RunState::kFailed);
  CHECK(run.error.find("its pages repeat themselves") != std::string::npos);
  CHECK(notes.db.Count("notes") == 20);
  CHECK(notes.Watermark().empty());
}

}  // namespace membridge::test
