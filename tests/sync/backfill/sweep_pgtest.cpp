#include <string>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/backfill/backfilling.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sync::BackfillKind;
using sync::Run;
using sync::RunState;

const std::string kNotes =
    "CREATE TABLE notes (memory_id text PRIMARY KEY, person text, body text NOT NULL CHECK (body <> 'forbidden'));";
const std::string kMapping = R"yaml(
rows:
  note:
    table: notes
    key: {memory_id: $memory.id}
    set: {person: $memory.user_id, body: $memory.text}
    gone: delete
)yaml";

struct Notes : Backfilling {
  Notes() : Backfilling(kNotes, kMapping) {}

  /// Rows as the table has them, and as Mem0 would have them: by memory, its text.
  std::map<std::string, std::string> Rows() const {
    std::map<std::string, std::string> rows;
    const auto found = db.Run("SELECT memory_id, body FROM notes");
    for (std::size_t row = 0; row < found.size(); ++row) rows[std::string{found.Text(row, 0)}] = found.Text(row, 1);
    return rows;
  }
  std::map<std::string, std::string> Wanted() {
    std::map<std::string, std::string> wanted;
    for (const auto& [id, record] : sim.Truth()) wanted[id] = record.at("memory").get<std::string>();
    return wanted;
  }
  /// Changes whenever anything that matters is written.
  std::string Trace() const {
    return db.Value(
        "SELECT md5(concat((SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY memory_id) FROM notes), "
        "(SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY memory_id) FROM membridge.memories), "
        "(SELECT string_agg(xmin::text || ctid::text, ',' ORDER BY id) FROM membridge.rows)))");
  }
  std::vector<std::string> Ids() {
    std::vector<std::string> ids;
    for (const auto& [id, record] : sim.Truth()) ids.push_back(id);
    return ids;
  }
  /// So many users' memories, which a sweep has brought in; their ids.
  std::vector<std::string> Swept(std::size_t users, std::size_t memories) {
    sim.Load(users, memories);
    RunToEnd(BackfillKind::kFullSweep);
    return Ids();
  }
  mappings::Memory Record(const std::string& id) { return *mappings::ReadMemory(sim.Truth().at(id)); }
};

std::map<std::string, std::int64_t> Repaired(const Run& run) {
  return {{"added", run.Counter("repaired_added")},
          {"updated", run.Counter("repaired_updated")},
          {"deleted", run.Counter("repaired_deleted")}};
}

std::map<std::string, std::int64_t> Repairs(std::int64_t added, std::int64_t updated, std::int64_t deleted) {
  return {{"added", added}, {"updated", updated}, {"deleted", deleted}};
}

}  // namespace

TEST_CASE("a thousand memories from before the bridge arrive in a few calls, and a second sweep writes nothing", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(50, 1000);
  notes.sim.ResetCalls();
  const BackfillKind kind = GENERATE(BackfillKind::kFullSweep, BackfillKind::kIncrementalSweep);
  CAPTURE(NameOf(kind));
  const Run first = notes.RunToEnd(kind);
  CHECK(first.state == RunState::kDone);
  CHECK(first.error.empty());
  CHECK(notes.sim.Calls() <= 20);
  CHECK(notes.Rows() == notes.Wanted());
  CHECK(first.Counter("seen") == 1000);
  CHECK(first.Counter("loaded") == 1000);
  CHECK(Repaired(first) == Repairs(0, 0, 0));  // nothing was lost: there was nobody to deliver to
  CHECK(first.done == 1000);
  CHECK(first.total == 1000);
  CHECK(notes.db.Count("membridge.dirty") == 0);

  const std::string before = notes.Trace();
  const Run second = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(second.state == RunState::kDone);
  CHECK(second.Counter("changed") == 0);
  CHECK(Repaired(second) == Repairs(0, 0, 0));
  CHECK(notes.Trace() == before);
}

TEST_CASE("once a walk goes well, several pages are applied together, and one by one where a record is refused", "[sweep][pg]") {
  Notes notes;
  notes.parts.sweep.page_size = 20;
  notes.sim.Load(5, 800);  // 40 pages
  SECTION("all goes well") {
    const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
    CHECK(run.Counter("seen") == 800);
    CHECK(notes.db.Value("SELECT count(DISTINCT xmin::text) < 20 FROM notes") == "t");
    CHECK(notes.Rows() == notes.Wanted());
  }
  SECTION("a refused record among them") {
    notes.sim.Update(notes.Ids()[400], "forbidden", false);
    const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
    CHECK(run.Counter("parked") == 1);
    CHECK(run.Counter("loaded") + run.Counter("parked") == 800);
    CHECK(notes.Rows().size() == 799);
  }
}

TEST_CASE("half of all deliveries are lost, and one sweep repairs every row and counts them", "[sweep][pg]") {
  Notes notes;
  const std::vector<std::string> ids = notes.Swept(20, 400);
  std::vector<std::string> delivered;
  for (std::size_t i = 0; i < 40; ++i) {
    const std::string& updated = ids[i];
    const std::string& deleted = ids[100 + i];
    notes.sim.Update(updated, "changed " + std::to_string(i), false);
    notes.sim.Delete(deleted, false);
    const std::string added = notes.sim.Add("eve", "new " + std::to_string(i), nullptr, {}, false);
    if (i % 2 == 0) delivered.insert(delivered.end(), {updated, deleted, added});
  }
  // Categories come without a newer updated_at: looking at the page does not tell which of two is the newer.
  notes.sim.SetSettings({{"categorize_touches_updated_at", false}});
  for (std::size_t i = 200; i < 210; ++i) notes.sim.Categorize(ids[i], {"hobbies"}, false);
  notes.Deliver(delivered);
  notes.clock.Advance(1h);

  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.state == RunState::kDone);
  CHECK(notes.Rows() == notes.Wanted());
  CHECK(Repaired(run) == Repairs(20, 30, 20));
  CHECK(run.Counter("left_to_workers") == 10);
  CHECK(run.Counter("missing") == 20);
}

TEST_CASE("an increment reads what changed and moves the watermark only behind a sound walk", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 600);
  notes.parts.sweep.overlap = 0s;
  notes.clock.Advance(1h);
  notes.RunToEnd(BackfillKind::kFullSweep);
  const std::string watermark = notes.db.Value("SELECT watermark FROM membridge.sweep_watermarks");
  notes.sim.Advance(2h);
  notes.sim.Update(notes.Ids()[7], "newer", false);
  notes.clock.Advance(2h);

  notes.sim.ResetCalls();
  const Run run = notes.RunToEnd(BackfillKind::kIncrementalSweep);
  CHECK(run.state == RunState::kDone);
  CHECK(notes.sim.Calls() <= 2);
  CHECK(Repaired(run) == Repairs(0, 1, 0));
  CHECK(notes.Rows() == notes.Wanted());
  const std::string moved = notes.db.Value("SELECT watermark FROM membridge.sweep_watermarks");
  CHECK(moved > watermark);

  SECTION("a walk that fails leaves it") {
    notes.sim.SetFaults({{"server_error", 1.0}, {"server_error_status", 500}});
    notes.clock.Advance(1h);
    const Run failed = notes.RunToEnd(BackfillKind::kIncrementalSweep);
    CHECK(failed.state == RunState::kFailed);
    CHECK_FALSE(failed.error.empty());
  }
  SECTION("a walk whose pages shift under it leaves it") {
    notes.sim.SetSettings({{"shuffle_pages", true}});
    notes.parts.sweep.page_size = 50;
    notes.clock.Advance(1h);
    sync::RunOptions since;
    since.since = notes.clock.Now() - 24h;
    const Run shifted = notes.RunToEnd(BackfillKind::kIncrementalSweep, since);
    CHECK(shifted.state == RunState::kFailed);
    CHECK(shifted.error.find("never undisturbed (pages shifted)") != std::string::npos);
    CHECK(shifted.Counter("walks") == 3);
  }
  CHECK(notes.db.Value("SELECT watermark FROM membridge.sweep_watermarks") == moved);
}

TEST_CASE("what no walk met is read one by one when each of them was disturbed", "[sweep][pg][M9]") {
  Notes notes;
  notes.sim.Delete(notes.Swept(10, 300)[0], false);
  notes.sim.SetSettings({{"shuffle_pages", true}});
  notes.parts.sweep.page_size = 20;
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.state == RunState::kFailed);
  CHECK(run.error.find("pages shifted") != std::string::npos);
  CHECK(run.Counter("missing") >= 1);
  CHECK(run.Counter("repaired_deleted") == 1);
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("a walk during which the list shrinks is done again", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 300);
  notes.parts.sweep.page_size = 20;
  const auto scheduler = notes.NewScheduler();
  const std::int64_t id = notes.Start(*scheduler, BackfillKind::kFullSweep);
  while (notes.RunOf(id).Counter("calls") < 5) REQUIRE(scheduler->RunOnce());
  notes.sim.Delete(notes.Ids()[0], false);
  const Run run = notes.RunToEnd(*scheduler, id);
  CHECK(run.state == RunState::kDone);
  CHECK(run.error.empty());
  CHECK(run.Counter("walks") == 2);
  CHECK(run.Counter("loaded") == 300);  // a page had it before it went
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("many memories missing at once stop the sweep until a person allows it", "[sweep][pg]") {
  Notes notes;
  const std::vector<std::string> ids = notes.Swept(10, 300);
  for (std::size_t i = 0; i < 31; ++i) notes.sim.Delete(ids[i], false);
  const Run refused = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(refused.state == RunState::kFailed);
  CHECK(refused.error ==
        "31 of 300 memories are missing at Mem0, more than may vanish at once; make sure the API key is the right project's; if "
        "they are really gone, sweep again with --allow-vanishing");
  CHECK(refused.Counter("missing") == 31);
  CHECK(notes.db.Count("notes") == 300);
  CHECK(notes.db.Count("membridge.dirty") == 0);

  sync::RunOptions allowing;
  allowing.allow_vanishing = true;
  const Run allowed = notes.RunToEnd(BackfillKind::kFullSweep, allowing);
  CHECK(allowed.Counter("repaired_deleted") == 31);
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("a memory that is missing from the list and yet there keeps its row", "[sweep][pg]") {
  Notes notes;
  const std::string id = notes.Swept(10, 100)[3];
  json page{{"count", 99}, {"next", nullptr}, {"previous", nullptr}, {"results", json::array()}};
  for (const auto& [other, record] : notes.sim.Truth()) {
    if (other != id) page["results"].push_back(record);
  }
  notes.sim.SetFaults({{"next", {{{"endpoint", "memories.list"}, {"status", 200}, {"body", page}}}}});
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.Counter("missing") == 1);
  CHECK(Repaired(run) == Repairs(0, 0, 0));
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("a page never overwrites what is newer", "[sweep][pg]") {
  Notes notes;
  const std::string id = notes.sim.Add("ada", "old", nullptr, {}, false);
  const mappings::Memory old = notes.Record(id);
  sync::Worker worker{notes.parts.worker,   notes.db.Dsn(),
                      notes.parts.mappings, [&](const ProjectId&) { return notes.Client(false); },
                      notes.clock,          notes.counters};
  std::vector<sync::Worker::Fate> fates;
  const auto apply = [&](const mappings::Memory& record) {
    REQUIRE(worker.ApplyRecords(kCrm, {record}, [&](auto&, const auto& all) { fates = all; }));
    return fates.front();
  };
  notes.sim.Update(id, "new", false);
  notes.Deliver({id});

  SECTION("a later version in the mirror") {
    CHECK(apply(old) == sync::Worker::Fate::kLeft);
    CHECK(notes.Rows().at(id) == "new");
    notes.Work();
    CHECK(notes.Rows().at(id) == "new");
  }
  SECTION("another record of the same moment") {
    mappings::Memory other = notes.Record(id);
    other.record["text"] = other.record["memory"] = "which?";
    CHECK(apply(other) == sync::Worker::Fate::kLeft);
    notes.Work();
    CHECK(notes.Rows().at(id) == "new");
  }
  SECTION("a deletion") {
    notes.sim.Delete(id, false);
    notes.Deliver({id});
    REQUIRE(notes.db.Count("notes") == 0);
    CHECK(apply(old) == sync::Worker::Fate::kLeft);
    notes.Work();
    CHECK(notes.db.Count("notes") == 0);
  }
  SECTION("a delivery that is waiting") {
    Mark(notes.db, {id});
    CHECK(apply(old) == sync::Worker::Fate::kBusy);
    CHECK(notes.Rows().at(id) == "new");
    CHECK(notes.db.Count("membridge.dirty WHERE reason = 'delivery'") == 1);
  }
  SECTION("the same") {
    CHECK(apply(notes.Record(id)) == sync::Worker::Fate::kSame);
  }
  SECTION("and what is newer than the mirror is applied") {
    notes.sim.Update(id, "newest", false);
    CHECK(apply(notes.Record(id)) == sync::Worker::Fate::kUpdated);
    CHECK(notes.Rows().at(id) == "newest");
    CHECK(notes.db.Count("membridge.dirty") == 0);
  }
}

TEST_CASE("what a single read said of a merged memory is not forgotten because a list does not say it", "[sweep][pg]") {
  Notes notes;
  const std::string kept = notes.sim.Add("ada", "kept", nullptr, {}, false);
  const std::string merged = notes.sim.Add("ada", "merged away", nullptr, {}, false);
  notes.RunToEnd(BackfillKind::kFullSweep);
  notes.sim.Edit(merged, {{"merged", true}}, false);
  notes.Deliver({merged});  // alone, so it is read by itself
  REQUIRE(notes.db.Count("notes") == 1);
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.Counter("changed") == 0);
  notes.Deliver({kept, merged});  // together, so a list reads them
  CHECK(notes.db.Count("notes") == 1);
}

TEST_CASE("a record that a mapping refuses is parked by the sweep as by a delivery", "[sweep][pg]") {
  Notes notes;
  notes.sim.Add("ada", "fine", nullptr, {}, false);
  notes.sim.Add("ada", "forbidden", nullptr, {}, false);
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.Counter("parked") == 1);
  CHECK(run.Counter("loaded") == 1);
  CHECK(notes.db.Count("notes") == 1);
  CHECK(notes.db.Count("membridge.parked WHERE sqlstate = '23514'") == 1);
}

TEST_CASE("live changes during a sweep end as Mem0 has them", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 600);
  notes.parts.sweep.page_size = 50;
  const std::vector<std::string> ids = notes.Ids();
  const auto scheduler = notes.NewScheduler();
  const std::int64_t id = notes.Start(*scheduler, BackfillKind::kFullSweep);
  std::jthread live{[&](const std::stop_token& stop) {
    sync::Worker worker{notes.parts.worker,   notes.db.Dsn(),
                        notes.parts.mappings, [&](const ProjectId&) { return notes.Client(false); },
                        notes.clock,          notes.counters};
    while (!stop.stop_requested()) static_cast<void>(worker.RunOnce());
  }};
  for (std::size_t i = 0; notes.RunOf(id).Active(); ++i) {
    REQUIRE(scheduler->RunOnce());
    const std::string& changed = ids[(i * 37) % 300];
    notes.sim.Update(changed, "live " + std::to_string(i), false);
    Mark(notes.db, {changed});
    if (i % 3 == 0 && i < 60) {
      const std::string& gone = ids[300 + i];
      notes.sim.Delete(gone, false);
      Mark(notes.db, {gone});
    }
    notes.clock.Advance(200ms);
  }
  CHECK(Eventually([&] { return notes.db.Count("membridge.dirty") == 0; }));
  live.request_stop();
  live.join();
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("a sweep that is killed anywhere goes on where it stopped", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 400);
  notes.parts.sweep.page_size = 40;
  const int steps = GENERATE(1, 2, 5, 9, 12);
  CAPTURE(steps);
  auto scheduler = notes.NewScheduler();
  const std::int64_t id = notes.Start(*scheduler, BackfillKind::kFullSweep);
  for (int i = 0; i < steps; ++i) REQUIRE(scheduler->RunOnce());
  // Killed: nobody gives the run back, and only the end of its lease frees it.
  notes.db.Run("UPDATE membridge.backfill_runs SET held_until = statement_timestamp() - interval '1 second'");
  const auto other = notes.NewScheduler();
  const Run run = notes.RunToEnd(*other, id);
  CHECK(run.state == RunState::kDone);
  CHECK(run.error.empty());
  CHECK(run.Counter("seen") == 400);
  CHECK(run.Counter("loaded") == 400);
  CHECK(run.Counter("calls") == 10);
  CHECK(notes.Rows() == notes.Wanted());
  // The one that was killed finds out before it can commit anything.
  REQUIRE(scheduler->RunOnce());
  CHECK(notes.RunOf(id).counters == run.counters);
}

TEST_CASE("a walk whose notes a crash of PostgreSQL has emptied concludes nothing and starts again", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 200);
  notes.parts.sweep.page_size = 40;
  const auto scheduler = notes.NewScheduler();
  const std::int64_t id = notes.Start(*scheduler, BackfillKind::kFullSweep);
  while (notes.RunOf(id).Counter("calls") < 3) REQUIRE(scheduler->RunOnce());
  notes.db.Run("TRUNCATE membridge.sweep_seen");
  const Run run = notes.RunToEnd(*scheduler, id);
  CHECK(run.Counter("walks") == 2);
  CHECK(run.Counter("missing") == 0);
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("a dry run of a sweep counts and changes nothing", "[sweep][pg]") {
  Notes notes;
  const std::vector<std::string> ids = notes.Swept(10, 300);
  notes.sim.Update(ids[0], "newer", false);
  notes.sim.Delete(ids[1], false);
  notes.sim.Add("eve", "more", nullptr, {}, false);
  notes.clock.Advance(1h);
  const std::string watermark = notes.db.Value("SELECT watermark FROM membridge.sweep_watermarks");
  const std::string before = notes.Trace();
  sync::RunOptions dry;
  dry.dry_run = true;
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep, dry);
  CHECK(run.state == RunState::kDone);
  CHECK(run.Counter("changed") == 2);
  CHECK(run.Counter("missing") == 1);
  CHECK(notes.Trace() == before);
  CHECK(notes.db.Count("membridge.dirty") == 0);
  CHECK(notes.db.Value("SELECT watermark FROM membridge.sweep_watermarks") == watermark);
}

TEST_CASE("links to another server are not followed and do not stop a sweep", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 300);
  notes.parts.sweep.page_size = 100;
  notes.sim.SetSettings({{"next_links", "foreign"}, {"foreign_origin", "http://127.0.0.1:1"}});
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.state == RunState::kDone);
  CHECK(notes.Rows() == notes.Wanted());
}

TEST_CASE("a sweep comes to its end while Mem0 answers badly", "[sweep][pg]") {
  Notes notes;
  notes.sim.Load(10, 600);
  notes.parts.sweep.page_size = 30;
  notes.sim.SetFaults({{"rate_limited", 0.1}, {"server_error", 0.1}, {"truncated", 0.05}, {"html", 0.05}});
  const Run run = notes.RunToEnd(BackfillKind::kFullSweep);
  CHECK(run.state == RunState::kDone);
  CHECK(run.error.empty());
  CHECK(run.Counter("loaded") == 600);
  CHECK(notes.Rows() == notes.Wanted());
}

}  // namespace membridge::test
