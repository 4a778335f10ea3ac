#include "sync/mem0/budget.hpp"

#include <atomic>
#include <thread>
#include <vector>

#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

/// A budget whose time moves only when told.
struct Timed {
  explicit Timed(double per_second, double burst) : budget(per_second, burst, [this] { return now; }) {}

  int TakeAll(bool background = false) {
    int taken = 0;
    while (taken < 10'000 && budget.Take(background) == 0ms) ++taken;
    return taken;
  }

  std::chrono::steady_clock::time_point now{};
  CallBudget budget;
};

constexpr bool kLive = false;
constexpr bool kBackground = true;

}  // namespace

TEST_CASE("a burst goes at once, then calls come at the rate", "[mem0]") {
  Timed t{10, 5};
  CHECK(t.TakeAll() == 5);
  CHECK(t.budget.Take(kLive) == 100ms);
  t.now += 99ms;
  CHECK(t.budget.Take(kLive) == 1ms);
  t.now += 1ms;
  CHECK(t.budget.Take(kLive) == 0ms);
  t.now += 1h;
  CHECK(t.TakeAll() == 5);
}

TEST_CASE("the next turn is told without taking it", "[mem0]") {
  Timed t{10, 1};
  CHECK(t.budget.NextTurn() == 0ms);
  CHECK(t.budget.Take(kLive) == 0ms);
  CHECK(t.budget.NextTurn() == 100ms);
  t.now += 60ms;
  CHECK(t.budget.NextTurn() == 40ms);
  t.now += 40ms;
  CHECK(t.budget.NextTurn() == 0ms);
  CHECK(t.budget.Take(kLive) == 0ms);
  t.budget.Throttled(2s);
  CHECK(t.budget.NextTurn() == 2s);
}

TEST_CASE("a rate learnt from 429 is halved once a second at most and grows back to what it was", "[mem0]") {
  Timed t{40, 40};
  t.budget.Throttled(std::nullopt);
  CHECK(t.budget.PerSecond() == 20);
  t.budget.Throttled(std::nullopt);
  t.now += 999ms;
  t.budget.Throttled(std::nullopt);
  CHECK(t.budget.PerSecond() == 20);
  t.now += 1ms;
  t.budget.Throttled(std::nullopt);
  CHECK(t.budget.PerSecond() == 10);
  SECTION("little by little") {
    t.budget.Succeeded();
    double before = t.budget.PerSecond();
    for (int second = 0; second < 15; ++second) {
      t.now += 1s;
      t.budget.Succeeded();
      CHECK(t.budget.PerSecond() > before);
      CHECK(t.budget.PerSecond() <= before + 2.001);
      before = t.budget.PerSecond();
    }
    CHECK(t.budget.PerSecond() == Approx(40));
    t.now += 1h;
    t.budget.Succeeded();
    CHECK(t.budget.PerSecond() == 40);
  }
  SECTION("not faster because the server answers fast") {
    t.budget.Succeeded();
    t.now += 1s;
    for (int call = 0; call < 1000; ++call) t.budget.Succeeded();
    CHECK(t.budget.PerSecond() == Approx(12));
  }
  SECTION("and it never stops altogether") {
    for (int i = 0; i < 1000; ++i) {
      t.now += 1s;
      t.budget.Throttled(std::nullopt);
    }
    CHECK(t.budget.PerSecond() == Approx(0.4));
  }
}

TEST_CASE("nobody calls before a Retry-After is over", "[mem0]") {
  Timed t{10, 10};
  t.budget.Throttled(3s);
  CHECK(t.budget.Take(kLive) == 3s);
  CHECK(t.budget.Paused() == 3s);
  t.budget.Throttled(1s);  // a shorter one does not shorten it
  t.now += 2s;
  CHECK(t.budget.Take(kBackground) >= 1s);
  CHECK(t.budget.Paused() == 1s);
  t.now += 1s;
  CHECK(t.budget.Paused() == 0ms);
  CHECK(t.budget.Take(kLive) == 0ms);
}

TEST_CASE("after a 429 there is no burst to earn the next one", "[mem0]") {
  Timed t{10, 10};
  t.budget.Throttled(std::nullopt);
  CHECK(t.TakeAll() == 0);
  t.now += 1h;
  CHECK(t.TakeAll() == 5);
}

TEST_CASE("background work leaves the last token to live work", "[mem0]") {
  Timed t{10, 5};
  CHECK(t.TakeAll(kBackground) == 4);
  CHECK(t.budget.Take(kLive) == 0ms);
}

TEST_CASE("background work waits while a live caller waits", "[mem0]") {
  const double burst = GENERATE(1.0, 5.0);
  CAPTURE(burst);
  Timed t{1, burst};
  t.TakeAll();
  const milliseconds live = t.budget.Take(kLive);
  CHECK(live > 0ms);
  t.now += live;
  CHECK(t.budget.Take(kBackground) > 0ms);  // the token that came is the live caller's
  CHECK(t.budget.Take(kLive) == 0ms);
}

TEST_CASE("background work gets the whole rate when nothing else calls", "[mem0]") {
  const double burst = GENERATE(1.0, 2.0, 50.0);
  CAPTURE(burst);
  Timed t{10, burst};
  t.TakeAll(kBackground);
  int taken = 0;
  for (const auto end = t.now + 10s; t.now < end;) {
    const milliseconds wait = t.budget.Take(kBackground);
    if (wait == 0ms) ++taken;
    t.now += wait;
  }
  CHECK(taken >= 99);
  CHECK(taken <= 101);
}

TEST_CASE("a live caller that went away does not hold up background work for long", "[mem0]") {
  Timed t{10, 1};
  t.TakeAll();
  const milliseconds live = t.budget.Take(kLive);
  t.now += live + 1s;
  CHECK(t.budget.Take(kBackground) == 0ms);
}

TEST_CASE("threads that share a budget take no token twice", "[mem0]") {
  CallBudget budget{1, 1000, [] { return std::chrono::steady_clock::time_point{}; }};
  std::atomic<int> taken = 0;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int call = 0; call < 1000; ++call) {
        if (budget.Take(kLive) == 0ms) ++taken;
      }
    });
  }
  threads.clear();
  CHECK(taken == 1000);
}

}  // namespace membridge::sync::mem0
