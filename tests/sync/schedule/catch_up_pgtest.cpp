#include <string>
#include <utility>
#include <vector>

#include "sync/schedule/catch_up.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/schedule/scripted_runs.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using sync::CatchUp;
using sync::Run;
using sync::RunState;
using sync::RunStore;

constexpr const char* kFirst = "00000000-0000-0000-0000-000000000001";
constexpr const char* kSecond = "00000000-0000-0000-0000-000000000002";

template <class Work>
auto With(Runs& runs, Work work) {
  return InTransaction(runs.db, [&](auto& transaction) {
    CatchUp catch_up{transaction};
    return work(catch_up);
  });
}

void Want(Runs& runs) {
  With(runs, [](CatchUp& catch_up) { catch_up.Want(kCrm, "a test wants it"); });
}

std::vector<CatchUp::Queued> Queue(Runs& runs) {
  return With(runs, [&](CatchUp& catch_up) { return catch_up.Queue(runs.clock.Now()); });
}

bool Waits(Runs& runs) {
  return With(runs, [](CatchUp& catch_up) { return catch_up.Of(kCrm).has_value(); });
}

/// Takes the run that is due into hand, and ends it.
Run Take(Runs& runs) {
  return InTransaction(runs.db, [&](auto& transaction) {
    return RunStore{transaction}.Claim("somebody", 60s, runs.clock.Now(), {}, std::nullopt).value();
  });
}
void End(Runs& runs, const Run& run, RunState state) {
  InTransaction(runs.db, [&](auto& transaction) { RunStore{transaction}.Leave(run, state, runs.clock.Now()); });
}

void Beat(Runs& runs, const char* process) {
  With(runs, [&](CatchUp& catch_up) { catch_up.Beat(process); });
}
bool AnotherListens(Runs& runs, const char* process) {
  return With(runs, [&](CatchUp& catch_up) { return catch_up.AnotherListens(process); });
}

}  // namespace

TEST_CASE("a sweep that is wanted twice is done once, and the project waits until it was done", "[backfill][pg][N1]") {
  Runs runs;
  CHECK_FALSE(Waits(runs));
  Want(runs);
  Want(runs);
  CHECK(Waits(runs));
  const auto queued = Queue(runs);
  REQUIRE(queued.size() == 1);
  CHECK(queued[0].reason == "a test wants it");
  CHECK(Queue(runs).empty());
  const Run run = Take(runs);
  CHECK(run.name == "catch-up crm");
  CHECK(run.kind == sync::BackfillKind::kIncrementalSweep);
  CHECK(Waits(runs));
  End(runs, run, RunState::kDone);
  CHECK_FALSE(Waits(runs));
  CHECK(Queue(runs).empty());
  CHECK(runs.All().size() == 1);
  CHECK(runs.db.Count("membridge.catching_up") == 0);
}

TEST_CASE("what is wanted while a sweep is under way is swept after it, because that one began before", "[backfill][pg][N1]") {
  Runs runs;
  Want(runs);
  REQUIRE(Queue(runs).size() == 1);
  SECTION("a run that has not begun does for both") {
    Want(runs);
    CHECK(Queue(runs).size() == 1);
    CHECK(runs.All().size() == 1);
  }
  SECTION("one that has begun is followed by another") {
    const Run first = Take(runs);
    Want(runs);
    CHECK(Queue(runs).empty());
    End(runs, first, RunState::kDone);
    CHECK(Waits(runs));
    CHECK(Queue(runs).size() == 1);
    CHECK(runs.All().size() == 2);
  }
}

TEST_CASE("a sweep that failed is tried again, later every time, and one that a person ended is not", "[backfill][pg][N1]") {
  Runs runs;
  Want(runs);
  std::vector<std::chrono::microseconds> waits;
  REQUIRE(Queue(runs).size() == 1);
  for (int i = 0; i < 3; ++i) {
    End(runs, Take(runs), RunState::kFailed);
    CHECK(Waits(runs));
    REQUIRE(Queue(runs).size() == 1);
    const Instant due = runs.All().front().due_at;
    waits.emplace_back(due - runs.clock.Now());
    runs.clock.Advance(std::chrono::ceil<std::chrono::seconds>(waits.back()));
  }
  CHECK(waits == std::vector<std::chrono::microseconds>{5min, 10min, 20min});
  End(runs, Take(runs), RunState::kCancelled);
  CHECK_FALSE(Waits(runs));
  CHECK(Queue(runs).empty());
}

TEST_CASE("of two processes that start at once one thinks that it is alone; one that is silent does not count", "[pg][N1]") {
  Runs runs;
  Beat(runs, kSecond);
  Beat(runs, kFirst);
  CHECK_FALSE(AnotherListens(runs, kSecond));
  CHECK(AnotherListens(runs, kFirst));
  runs.db.Run("UPDATE membridge.listening SET beat_at = beat_at - interval '1 minute'");
  CHECK_FALSE(AnotherListens(runs, kFirst));
  Beat(runs, kSecond);
  CHECK(AnotherListens(runs, kFirst));
  With(runs, [](CatchUp& catch_up) { catch_up.Leave(kSecond); });
  CHECK_FALSE(AnotherListens(runs, kFirst));
}

TEST_CASE("a server that took over is noticed once, and a sweep of everything is due, also where a smaller one was",
          "[backfill][pg]") {
  Runs runs;
  const auto took_over = [&] { return With(runs, [](CatchUp& catch_up) { return catch_up.AnotherServerTookOver(); }); };
  CHECK_FALSE(took_over());  // the first one is only remembered
  CHECK(runs.db.Value("SELECT number FROM membridge.timeline") == "1");
  CHECK_FALSE(took_over());
  runs.db.Run("UPDATE membridge.timeline SET number = 7");
  CHECK(took_over());
  CHECK_FALSE(took_over());

  Want(runs);
  REQUIRE(Queue(runs).size() == 1);
  With(runs, [](CatchUp& catch_up) { catch_up.Want(kCrm, "another server took over", CatchUp::Extent::kAll); });
  Want(runs);
  REQUIRE(Queue(runs).size() == 1);
  const Run run = Take(runs);
  CHECK(run.kind == sync::BackfillKind::kFullSweep);
  End(runs, run, RunState::kDone);
  CHECK_FALSE(Waits(runs));
  Want(runs);
  REQUIRE(Queue(runs).size() == 1);
  CHECK(Take(runs).kind == sync::BackfillKind::kIncrementalSweep);
}

}  // namespace membridge::test
