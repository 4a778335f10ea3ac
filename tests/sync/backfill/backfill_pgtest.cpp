#include <functional>
#include <string>
#include <vector>

#include "sync/backfill/run_store.hpp"
#include "sync/schedule/scheduler.hpp"
#include "sync/schedule/scheduler_thread.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/schedule/scripted_runs.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using sync::Backfill;
using sync::BackfillKind;
using sync::Job;
using sync::Run;
using sync::RunState;
using sync::RunStore;
using sync::Scheduler;

}  // namespace

TEST_CASE("a run starts at its moment, and the next one at the next", "[backfill][pg]") {
  Runs runs;
  const auto scheduler = runs.Scheduling({Entry("nightly", "0 3 * * *")});
  Exhaust(*scheduler);
  CHECK(runs.All().empty());  // what was before the schedule is not made up for
  runs.clock.Advance(3h);
  Exhaust(*scheduler);
  REQUIRE(runs.All().size() == 1);
  const Run run = runs.All().front();
  CHECK(run.state == RunState::kDone);
  CHECK(run.scheduled_for == ParseRfc3339("2026-03-01T03:00:00Z"));
  CHECK(run.started_at == ParseRfc3339("2026-03-01T03:00:00Z"));
  CHECK(run.finished_at == ParseRfc3339("2026-03-01T03:00:00Z"));
  CHECK(run.done == 3);
  CHECK(run.Counter("steps") == 3);
  CHECK(run.HowFar().Share() == 1.0);
  runs.clock.Advance(23h);
  Exhaust(*scheduler);
  CHECK(runs.All().size() == 1);
  runs.clock.Advance(1h);
  Exhaust(*scheduler);
  CHECK(runs.All().size() == 2);
  CHECK(scheduler->NextMoment("nightly") == ParseRfc3339("2026-03-03T03:00:00Z"));
}

TEST_CASE("moments missed while nobody ran are made up for once", "[backfill][pg]") {
  Runs runs;
  Exhaust(*runs.Scheduling({Entry("often", "*/15 * * * *")}));
  runs.clock.Advance(26h);
  const auto scheduler = runs.Scheduling({Entry("often", "*/15 * * * *")});
  Exhaust(*scheduler);
  REQUIRE(runs.All().size() == 1);
  CHECK(runs.All().front().scheduled_for == ParseRfc3339("2026-03-02T02:00:00Z"));

  SECTION("a schedule that was changed makes up for nothing") {
    runs.clock.Advance(26h);
    Exhaust(*runs.Scheduling({Entry("often", "30 * * * *")}));
    CHECK(runs.All().size() == 1);
  }
  SECTION("moments during a run are let pass") {
    runs.script.wait = 40min;
    runs.clock.Advance(15min);
    for (int i = 0; i < 40; ++i) {
      Exhaust(*scheduler);
      runs.clock.Advance(5min);
    }
    // 02:15 takes two waits of forty minutes, until 03:35; then 03:45.
    std::vector<std::string> moments;
    for (const Run& run : runs.All()) moments.insert(moments.begin(), FormatRfc3339(*run.scheduled_for).substr(11, 5));
    CHECK(moments == std::vector<std::string>{"02:00", "02:15", "03:45", "05:15"});
  }
}

TEST_CASE("of many schedulers one runs a moment, and runs of one name never overlap", "[backfill][pg]") {
  Runs runs;
  std::vector<std::unique_ptr<Scheduler>> many;
  for (int i = 0; i < 3; ++i) many.push_back(runs.Scheduling({Entry("a", "0 * * * *"), Entry("b", "0 * * * *")}));
  for (const auto& scheduler : many) Exhaust(*scheduler);
  runs.clock.Advance(1h);
  for (int round = 0; round < 10; ++round) {
    for (const auto& scheduler : many) REQUIRE(scheduler->RunOnce());
  }
  CHECK(runs.All().size() == 2);
  for (const Run& run : runs.All()) {
    CHECK(run.state == RunState::kDone);
    CHECK(run.Counter("steps") == 3);
  }
  CHECK(many[0]->Start("a", {}));
  const auto again = many[1]->Start("a", {});
  REQUIRE_FALSE(again);
  CHECK(again.error().message == "a run of \"a\" is not finished yet");
  const auto unknown = many[1]->Start("aa", {});
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().message == "there is no backfill \"aa\"; did you mean \"a\"?");
}

TEST_CASE("jitter moves a start by a time that everybody agrees on", "[backfill][pg]") {
  Runs runs;
  Backfill entry = Entry("nightly", "0 3 * * *");
  entry.jitter = 600s;
  const auto scheduler = runs.Scheduling({entry});
  Exhaust(*scheduler);
  runs.clock.Advance(3h);
  Exhaust(*scheduler);
  const Run waiting = runs.All().front();
  const auto jitter = waiting.due_at - *waiting.scheduled_for;
  CHECK(jitter > 0s);
  CHECK(jitter <= 600s);
  CHECK(waiting.state == RunState::kQueued);
  runs.clock.Advance(jitter);
  Exhaust(*scheduler);
  CHECK(runs.State(waiting.id) == "done");
  Runs elsewhere;
  const auto other = elsewhere.Scheduling({entry});
  Exhaust(*other);
  elsewhere.clock.Advance(3h);
  Exhaust(*other);
  CHECK(elsewhere.All().front().due_at == waiting.due_at);
}

TEST_CASE("a run that is asked to stop stops with its next page", "[backfill][pg]") {
  Runs runs;
  runs.script.steps = 5;
  const auto scheduler = runs.Scheduling({Entry("sweep", "")});
  const std::int64_t id = *scheduler->Start("sweep", {});
  const auto ask = [&](auto what) { return InTransaction(runs.db, what); };
  REQUIRE(scheduler->RunOnce());
  CHECK(runs.Find(id).done == 1);

  SECTION("cancel") {
    CHECK(ask([&](auto& t) { return RunStore{t}.Cancel(id, runs.clock.Now()); }) == RunState::kRunning);
    Exhaust(*scheduler);
    CHECK(runs.State(id) == "cancelled");
    CHECK(runs.Find(id).done == 2);
    CHECK(runs.Find(id).finished_at);
    const auto twice = ask([&](auto& t) { return RunStore{t}.Cancel(id, runs.clock.Now()); });
    REQUIRE_FALSE(twice);
    CHECK(twice.error().message == "run " + std::to_string(id) + " is cancelled already");
    CHECK(scheduler->Start("sweep", {}));
  }
  SECTION("pause, and go on") {
    CHECK(ask([&](auto& t) { return RunStore{t}.Pause(id); }) == RunState::kRunning);
    Exhaust(*scheduler);
    CHECK(runs.State(id) == "paused");
    CHECK(runs.Find(id).done == 2);
    CHECK_FALSE(scheduler->Start("sweep", {}));
    CHECK(ask([&](auto& t) { return RunStore{t}.Resume(id, runs.clock.Now()); }) == RunState::kQueued);
    Exhaust(*scheduler);
    CHECK(runs.State(id) == "done");
    CHECK(runs.Find(id).Counter("steps") == 5);
  }
  SECTION("while it waits") {
    runs.script.wait = 1h;
    REQUIRE(scheduler->RunOnce());
    REQUIRE(scheduler->RunOnce());
    ask([&](auto& t) { return RunStore{t}.Cancel(id, runs.clock.Now()); }).value();
    runs.clock.Advance(1h);
    Exhaust(*scheduler);
    CHECK(runs.State(id) == "cancelled");
  }
  SECTION("when nobody works on it") {
    runs.EndLeases();
    CHECK(ask([&](auto& t) { return RunStore{t}.Cancel(id, runs.clock.Now()); }) == RunState::kCancelled);
    Exhaust(*scheduler);
    CHECK(runs.State(id) == "cancelled");
    CHECK(runs.Find(id).done == 1);
  }
  CHECK(ask([&](auto& t) { return RunStore{t}.Cancel(id + 100, runs.clock.Now()); }).error().code == ErrorCode::kNotFound);
  CHECK(ask([&](auto& t) { return RunStore{t}.Resume(id, runs.clock.Now()); }).error().code == ErrorCode::kRefused);
}

TEST_CASE("a run outlives its process", "[backfill][pg]") {
  Runs runs;
  runs.script.steps = 4;
  auto first = runs.Scheduling({Entry("sweep", "")});
  const std::int64_t id = *first->Start("sweep", {});
  REQUIRE(first->RunOnce());
  const auto second = runs.Scheduling({Entry("sweep", "")});
  Exhaust(*second);
  CHECK(runs.Find(id).done == 1);  // the first one still holds it

  SECTION("killed: when its lease ends") {
    runs.EndLeases();
    Exhaust(*second);
    CHECK(runs.State(id) == "done");
    const Run done = runs.Find(id);
    Exhaust(*first);  // and the first one can write nothing any more
    CHECK(runs.Find(id).counters == done.counters);
    CHECK(runs.Find(id).done == done.done);
  }
  SECTION("stopped: at once") {
    first.reset();
    Exhaust(*second);
    CHECK(runs.State(id) == "done");
  }
  CHECK(runs.Find(id).Counter("steps") == 4);
}

TEST_CASE("a step that fails is tried again for a while, and then the run has failed", "[backfill][pg]") {
  Runs runs;
  int failures = 0;
  const auto scheduler = runs.Scheduling({Entry("sweep", "")});
  runs.script.before = [&](const Run& run) -> Result<void> {
    if (run.done == 1 && failures < 5) {
      ++failures;
      return Fail(ErrorCode::kUnavailable, "Mem0 is away", "wait");
    }
    return {};
  };
  const std::int64_t id = *scheduler->Start("sweep", {});
  Exhaust(*scheduler);
  CHECK(runs.Find(id).failures == 1);
  CHECK(runs.Find(id).error == "Mem0 is away; wait");

  SECTION("it comes back") {
    for (int i = 0; i < 10; ++i) {
      runs.clock.Advance(1min);
      Exhaust(*scheduler);
    }
    CHECK(runs.State(id) == "done");
    CHECK(runs.Find(id).error.empty());
    CHECK(failures == 5);
  }
  SECTION("it does not") {
    failures = -1000;
    for (int i = 0; i < 30; ++i) {
      runs.clock.Advance(1min);
      Exhaust(*scheduler);
    }
    CHECK(runs.State(id) == "failed");
    CHECK(runs.Find(id).failures == 20);
    CHECK(runs.Find(id).done == 1);
  }
  SECTION("an error that time does not mend ends it at once") {
    runs.script.before = [](const Run&) -> Result<void> { return Fail(ErrorCode::kUnauthorized, "the key is wrong"); };
    runs.clock.Advance(1min);
    Exhaust(*scheduler);
    CHECK(runs.State(id) == "failed");
    CHECK(runs.Find(id).error == "the key is wrong");
  }
}

TEST_CASE("runs take turns, and one that waits holds up nobody", "[backfill][pg]") {
  Runs runs;
  runs.script.steps = 3;
  const auto scheduler = runs.Scheduling({Entry("a", ""), Entry("b", "")});
  const std::int64_t a = *scheduler->Start("a", {});
  const std::int64_t b = *scheduler->Start("b", {});
  for (int i = 0; i < 4; ++i) REQUIRE(scheduler->RunOnce());
  CHECK(runs.Find(a).done >= 1);
  CHECK(runs.Find(b).done >= 1);
  Exhaust(*scheduler);
  CHECK(runs.State(a) == "done");
  CHECK(runs.State(b) == "done");
}

TEST_CASE("history is kept to its length", "[backfill][pg]") {
  Runs runs;
  runs.script.steps = 1;
  sync::SchedulerOptions options;
  options.keep = 3;
  const auto scheduler = runs.Scheduling({Entry("a", ""), Entry("b", "")}, options);
  for (int i = 0; i < 5; ++i) {
    REQUIRE(scheduler->Start("a", {}));
    Exhaust(*scheduler);
  }
  REQUIRE(scheduler->Start("b", {}));
  Exhaust(*scheduler);
  CHECK(runs.db.Count("membridge.backfill_runs WHERE name = 'a'") == 3);
  CHECK(runs.db.Count("membridge.backfill_runs WHERE name = 'b'") == 1);
}

TEST_CASE("a schedule that cannot be read keeps the scheduler from being made", "[backfill][pg]") {
  Runs runs;
  const auto make = [&](const Backfill& entry) {
    return Scheduler::Make({}, runs.db.Dsn(), {entry}, {}, runs.clock).error().message;
  };
  CHECK(make(Entry("x", "0 25 * * *")) == "backfill \"x\": schedule \"0 25 * * *\", column 3, hour: \"25\" is no hour");
  Backfill elsewhere = Entry("x", "0 3 * * *");
  elsewhere.timezone = "Europe/Berln";
  CHECK(make(elsewhere) == "backfill \"x\": unknown time zone \"Europe/Berln\"; did you mean \"Europe/Berlin\"?");
}

TEST_CASE("a database that is away is an error, and all goes on when it is back", "[backfill][pg]") {
  Cluster cluster;
  PgDatabase db{cluster};
  FakeClock clock;
  ScriptedJob::Script script;
  auto scheduler = Scheduler::Make(
      {}, db.Dsn(), {Entry("sweep", "")},
      [&](const Run&) -> Result<std::unique_ptr<Job>> { return std::make_unique<ScriptedJob>(db, script); }, clock);
  REQUIRE(scheduler);
  const std::int64_t id = *(*scheduler)->Start("sweep", {});
  REQUIRE((*scheduler)->RunOnce());
  cluster.StopImmediately();
  CHECK((*scheduler)->RunOnce().error().code == ErrorCode::kUnavailable);
  cluster.Start();
  sync::postgres::Session session = db.Session();
  const auto done = [&] {
    static_cast<void>((*scheduler)->RunOnce());
    clock.Advance(1min);
    return session.Run("SELECT state FROM membridge.backfill_runs WHERE id = $1::bigint", {std::to_string(id)}).Text(0, 0) !=
           "running";
  };
  CHECK(Eventually(done));
}

TEST_CASE("a thread keeps a scheduler going", "[backfill][pg]") {
  Runs runs;
  auto scheduler = runs.Scheduling({Entry("sweep", "")});
  const std::int64_t id = *scheduler->Start("sweep", {});
  sync::SchedulerThread thread{std::move(scheduler), 10ms};
  thread.Poke();
  CHECK(Eventually([&] { return runs.State(id) == "done"; }));
}

}  // namespace membridge::test
