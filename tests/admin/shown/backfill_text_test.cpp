// What backfills and their runs look like in a terminal: words, and no names of counters.
#include "admin/shown/backfill_text.hpp"

#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

const Instant kNow = *ParseRfc3339("2026-03-01T09:00:00Z");

sync::Run RunOf(sync::BackfillKind kind, nlohmann::json counters) {
  sync::Run run;
  run.id = 7;
  run.name = "nightly";
  run.project = ProjectId{"crm"};
  run.kind = kind;
  run.state = sync::RunState::kDone;
  run.queued_at = kNow - std::chrono::minutes{5};
  run.started_at = run.queued_at;
  run.finished_at = kNow - std::chrono::minutes{3};
  run.counters = std::move(counters);
  return run;
}

std::string Did(const sync::Run& run) {
  const std::string text = TableOf({run}, kNow).Text();
  return text.substr(text.find("ago)") + 6);
}

TEST_CASE("a run is told in words, without the names of its counters", "[operate][shown]") {
  using enum sync::BackfillKind;
  CHECK(Did(RunOf(kFullSweep, {{"calls", 2}, {"seen", 30}, {"walks", 1}})) == "nothing to repair\n");
  CHECK(Did(RunOf(kFullSweep, {{"seen", 30}, {"walks", 1}, {"repaired_added", 1}, {"repaired_deleted", 2}, {"changed", 3}})) ==
        "repaired: 1 added, 2 deleted\n");
  CHECK(Did(RunOf(kIncrementalSweep, {{"seen", 30}, {"walks", 2}, {"loaded", 30}, {"changed", 30}})) ==
        "30 loaded, which the bridge did not know; the list was read 2 times\n");
  CHECK(Did(RunOf(kExport, {{"users", 4}, {"unchanged", 1}, {"applied", 3}})) == "3 applied, 1 unchanged\n");
  sync::Run failed = RunOf(kFullSweep, {{"seen", 30}});
  failed.state = sync::RunState::kFailed;
  failed.error = "Mem0 is away";
  CHECK(Did(failed) == "Mem0 is away\n");
  sync::Run dry = RunOf(kFullSweep, {{"seen", 30}, {"changed", 4}, {"missing", 1}});
  dry.options.dry_run = true;
  CHECK(Did(dry) == "dry run: 4 of 30 memories would be applied, 1 are missing and would be read\n");
}

TEST_CASE("runs and backfills have headers, and times with their age", "[operate][shown]") {
  sync::Run run = RunOf(sync::BackfillKind::kFullSweep, {{"seen", 30}});
  const std::string text = TableOf({run}, kNow).Text();
  CHECK(text.rfind("RUN  NAME     KIND        STATE  SEEN", 0) == 0);
  CHECK(text.find("2026-03-01 08:57:00 (3 min 0 s ago)") != std::string::npos);
  CHECK(LineOf(run).rfind("run 7 of nightly: done, ", 0) == 0);
  sync::Standing standing;
  standing.backfill.name = "nightly";
  standing.backfill.project = ProjectId{"crm"};
  standing.backfill.kind = sync::BackfillKind::kFullSweep;
  standing.backfill.schedule = "0 3 * * *";
  standing.backfill.timezone = "UTC";
  standing.next = kNow + std::chrono::hours{18};
  CHECK(TableOf(std::vector{standing}, kNow).Text() ==
        "NAME     PROJECT  KIND        SCHEDULE   TIMEZONE  NEXT                                 LAST\n"
        "nightly  crm      full sweep  0 3 * * *  UTC       2026-03-02 03:00:00 (in 18 h 0 min)  has not run\n");
  standing.paused_at = kNow - std::chrono::hours{1};
  standing.last = run;
  const std::string paused = TableOf(std::vector{standing}, kNow).Text();
  CHECK(paused.find("paused since 2026-03-01 08:00:00 (1 h 0 min ago)  done 3 min 0 s ago") != std::string::npos);
}

}  // namespace
}  // namespace membridge::admin
