#include <string>
#include <vector>

#include "sync/schedule/backfill_status.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/schedule/scripted_runs.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using sync::Run;
using sync::RunState;
using sync::RunStore;
using sync::Standing;

std::vector<Standing> Standings(Runs& runs, const std::vector<sync::Backfill>& entries) {
  return InTransaction(runs.db, [&](auto& transaction) { return sync::StandingsOf(transaction, entries, runs.clock.Now()); });
}

void Pause(Runs& runs, const sync::Backfill& entry) {
  InTransaction(runs.db, [&](auto& transaction) { sync::PauseBackfill(transaction, entry, runs.clock.Now()); });
}

Result<void> Resume(Runs& runs, const sync::Backfill& entry) {
  return InTransaction(runs.db, [&](auto& transaction) { return sync::ResumeBackfill(transaction, entry, runs.clock.Now()); });
}

std::vector<sync::BackfillTotals> Totals(Runs& runs) {
  return InTransaction(runs.db, [](auto& transaction) { return sync::TotalsOf(transaction); });
}

}  // namespace

TEST_CASE("a paused schedule lets its moments pass, and makes up for none when it is resumed", "[backfill][pg]") {
  Runs runs;
  const auto entry = Entry("hourly", "0 * * * *");
  const auto scheduler = runs.Scheduling({entry});
  Exhaust(*scheduler);
  Pause(runs, entry);
  const Instant paused_at = runs.clock.Now();
  CHECK(Standings(runs, {entry}).front().paused_at == paused_at);
  CHECK_FALSE(Standings(runs, {entry}).front().next);
  for (int hour = 0; hour < 3; ++hour) {
    runs.clock.Advance(1h);
    Exhaust(*scheduler);
  }
  CHECK(runs.All().empty());
  Pause(runs, entry);
  CHECK(Standings(runs, {entry}).front().paused_at == paused_at);  // twice is once

  runs.clock.Advance(10min);
  CHECK(Resume(runs, entry));
  Exhaust(*scheduler);
  CHECK(runs.All().empty());
  CHECK(Standings(runs, {entry}).front().next == ParseRfc3339("2026-03-01T04:00:00Z"));
  runs.clock.Advance(50min);
  Exhaust(*scheduler);
  REQUIRE(runs.All().size() == 1);
  CHECK(runs.All().front().scheduled_for == ParseRfc3339("2026-03-01T04:00:00Z"));
  CHECK(Standings(runs, {entry}).front().last->id == runs.All().front().id);
  CHECK(Resume(runs, entry).error().message == "backfill \"hourly\" is not paused");
}

TEST_CASE("pausing a backfill stops its run with the next page, and resuming goes on with it", "[backfill][pg]") {
  Runs runs;
  runs.script.steps = 6;
  const auto entry = Entry("sweep", "0 * * * *");
  const auto scheduler = runs.Scheduling({entry});
  const std::int64_t id = *scheduler->Start("sweep", {});
  REQUIRE(scheduler->RunOnce());
  Pause(runs, entry);
  Exhaust(*scheduler);
  CHECK(runs.State(id) == "paused");
  CHECK(Standings(runs, {entry}).front().active->id == id);
  CHECK(runs.Find(id).done == 2);
  REQUIRE(Resume(runs, entry));
  Exhaust(*scheduler);
  CHECK(runs.State(id) == "done");
  CHECK(runs.Find(id).Counter("steps") == 6);
}

TEST_CASE("a backfill can be paused before any serve has seen its schedule", "[backfill][pg]") {
  Runs runs;
  const auto entry = Entry("hourly", "0 * * * *");
  Pause(runs, entry);
  runs.clock.Advance(3h);
  Exhaust(*runs.Scheduling({entry}));
  CHECK(runs.All().empty());
}

TEST_CASE("after a run was cancelled the next moment has its run", "[backfill][pg]") {
  Runs runs;
  const auto entry = Entry("hourly", "0 * * * *");
  const auto scheduler = runs.Scheduling({entry});
  Exhaust(*scheduler);
  runs.clock.Advance(1h);
  REQUIRE(scheduler->RunOnce());
  const std::int64_t first = runs.All().front().id;
  REQUIRE(InTransaction(runs.db, [&](auto& t) { return RunStore{t}.Cancel(first, runs.clock.Now()); }));
  Exhaust(*scheduler);
  CHECK(runs.State(first) == "cancelled");
  runs.clock.Advance(1h);
  Exhaust(*scheduler);
  REQUIRE(runs.All().size() == 2);
  CHECK(runs.All().front().state == RunState::kDone);
}

TEST_CASE("totals outlive the runs they came from, and dry runs are not among them", "[backfill][pg]") {
  Runs runs;
  runs.script.steps = 1;
  runs.script.before = [](const Run& run) -> Result<void> {
    // What a sweep counts is in the run's row; the scripted job leaves it as it is.
    if (run.name == "bad") return Fail(ErrorCode::kUnauthorized, "the key is wrong");
    return {};
  };
  const auto scheduler = runs.Scheduling({Entry("good", ""), Entry("bad", "")});
  const auto repair = [&](std::int64_t id, int updated, int deleted) {
    runs.db.Run(
        "UPDATE membridge.backfill_runs SET counters = jsonb_build_object('repaired_updated', $2::integer, "
        "'repaired_deleted', $3::integer) WHERE id = $1::bigint",
        {std::to_string(id), std::to_string(updated), std::to_string(deleted)});
  };
  for (int i = 0; i < 3; ++i) {
    repair(*scheduler->Start("good", {}), 2, 1);
    Exhaust(*scheduler);
    runs.clock.Advance(1h);
  }
  sync::RunOptions dry;
  dry.dry_run = true;
  repair(*scheduler->Start("good", dry), 100, 100);
  REQUIRE(scheduler->Start("bad", {}));
  Exhaust(*scheduler);

  const Instant last = *ParseRfc3339("2026-03-01T02:00:00Z");
  InTransaction(runs.db, [&](auto& t) { CHECK(RunStore{t}.ForgetBefore(runs.clock.Now() + 1h) == 5); });
  CHECK(runs.All().empty());
  const auto totals = Totals(runs);
  REQUIRE(totals.size() == 2);
  CHECK(totals[0].name == "bad");
  CHECK(totals[0].failed == 1);
  CHECK_FALSE(totals[0].done_at);
  CHECK(totals[1].done == 3);
  CHECK(totals[1].repaired_updated == 6);
  CHECK(totals[1].repaired_deleted == 3);
  CHECK(totals[1].done_at == last);
}

TEST_CASE("a run that is forgotten is not made up for", "[backfill][pg]") {
  Runs runs;
  const auto entry = Entry("yearly", "0 0 1 3 *");
  const auto scheduler = runs.Scheduling({entry});
  Exhaust(*scheduler);
  runs.clock.Advance(24h * 366);
  Exhaust(*scheduler);
  REQUIRE(runs.All().size() == 1);
  runs.clock.Advance(24h * 120);
  InTransaction(runs.db, [&](auto& t) { CHECK(RunStore{t}.ForgetBefore(runs.clock.Now() - 24h * 90) == 1); });
  Exhaust(*runs.Scheduling({entry}));
  CHECK(runs.All().empty());
}

TEST_CASE("a scheduler that is asked for one run leaves all others alone", "[backfill][pg]") {
  Runs runs;
  const auto hourly = Entry("hourly", "0 * * * *");
  Exhaust(*runs.Scheduling({hourly}));  // the schedule is known from now on
  runs.clock.Advance(2h);
  const auto only = runs.Scheduling({hourly, Entry("a", ""), Entry("b", "")});
  const std::int64_t a = *only->Start("a", {});
  const std::int64_t b = *only->Start("b", {});
  only->WorkOnly(b);
  Exhaust(*only);
  CHECK(runs.State(a) == "queued");
  CHECK(runs.State(b) == "done");
  CHECK(runs.All().size() == 2);
}

TEST_CASE("the time a run takes counts its waits, and left is reckoned from it", "[backfill][pg]") {
  Run run;
  run.done = 25;
  run.total = 100;
  run.worked = 5s;
  CHECK(run.HowFar().per_second == 5);
  CHECK(run.HowFar().left == 15s);
  CHECK(run.HowFar().Share() == 0.25);
  run.total.reset();
  CHECK_FALSE(run.HowFar().left);
  CHECK_FALSE(run.HowFar().Share());
}

}  // namespace membridge::test
