// Changes that an endpoint refuses: only their rows wait.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <set>

#include "sync/feed/parked_changes.hpp"
#include "tests/sync/feed/feed_world.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using sync::FeedControl;
using sync::Poster;
using Values = std::vector<int>;

/// Answers 200 but to messages that hold a value which is refused.
struct Picky {
  std::atomic<int> status{422};
  std::atomic<int> refused{-1};
  std::atomic<bool> away{false};

  auto Answer() {
    return [this](const EndpointStub::Request& request) {
      const bool bad = request.body.find(fmt::format("{{\"new\":{}}}", refused.load())) != std::string::npos;
      return EndpointStub::Reply{.status = bad ? status.load() : 200, .hang_up = away};
    };
  }
};

std::string Row(int key) {
  return fmt::format("public.people{{\"id\":{}}}", key);
}

/// Without repetitions, as whoever keeps the last word of a row sees them.
Values Seen(const FeedWorld& feed, int key) {
  Values values = feed.Told()[Row(key)];
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

/// Posts until nothing is due; what it did with each message.
std::vector<Poster::Did> Drain(FeedWorld& feed) {
  std::vector<Poster::Did> did;
  while (true) {
    const auto step = feed.Post();
    if (step.did == Poster::Did::kNothing || step.did == Poster::Did::kWaiting || step.did == Poster::Did::kPaused) return did;
    did.push_back(step.did);
    if (did.size() > 10'000) throw std::runtime_error("the feed does not come to rest");
  }
}

}  // namespace

TEST_CASE("a change that the endpoint refuses holds only its own row, and is tried again by itself", "[feed][pg]") {
  Picky picky;
  FeedWorld feed{picky.Answer()};
  picky.refused = 10;
  picky.status = GENERATE(400, 409, 413, 422);
  feed.Change("people", 1, 10);
  feed.Change("people", 2, 20);
  feed.Change("people", 1, 11);
  feed.Change("people", 3, 30);
  CHECK(Drain(feed) == std::vector{Poster::Did::kParked, Poster::Did::kPosted, Poster::Did::kPosted});
  CHECK(Seen(feed, 2) == Values{20});
  CHECK(Seen(feed, 1) == Values{10});
  feed.Change("people", 1, 12);
  feed.Change("people", 2, 21);
  CHECK(Drain(feed) == std::vector{Poster::Did::kPosted});
  const auto standing = feed.Standing();
  CHECK(standing.waiting == 3);
  REQUIRE(standing.parked.size() == 1);
  CHECK(standing.parked[0].key == nlohmann::json{{"id", 1}});
  CHECK(standing.parked[0].last_status == picky.status);
  CHECK(standing.parked[0].attempts == 1);
  CHECK_FALSE(standing.failing_since);

  feed.clock.now += 6s;
  CHECK(Drain(feed) == std::vector{Poster::Did::kParked});
  picky.refused = -1;
  CHECK(Drain(feed).empty());
  feed.clock.now += 34s;
  CHECK(Drain(feed) == std::vector{Poster::Did::kPosted, Poster::Did::kPosted, Poster::Did::kPosted});
  CHECK(Seen(feed, 1) == Values{10, 11, 12});
  const auto requests = feed.stub.Requests();
  CHECK(requests.front().headers.at("webhook-id") == requests[requests.size() - 3].headers.at("webhook-id"));
  CHECK(feed.Standing().parked.empty());
  CHECK(feed.Standing().waiting == 0);
  CHECK(feed.Standing().posted == 6);
}

TEST_CASE("an endpoint that breaks three times at one message is taken to break because of it; one that is away is not",
          "[feed][pg]") {
  Picky picky;
  FeedWorld feed{picky.Answer()};
  picky.refused = 10;
  feed.Change("people", 1, 10);
  feed.Change("people", 2, 20);
  SECTION("500") {
    picky.status = 500;
    CHECK(Drain(feed) == std::vector{Poster::Did::kFailed});
    feed.clock.now += 6s;
    CHECK(Drain(feed) == std::vector{Poster::Did::kFailed});
    CHECK(Seen(feed, 2).empty());
    feed.clock.now += 34s;
    CHECK(Drain(feed) == std::vector{Poster::Did::kParked, Poster::Did::kPosted});
    CHECK(Seen(feed, 2) == Values{20});
  }
  SECTION("answers that say nothing of the message") {
    picky.status = GENERATE(401, 403, 404, 405, 408, 429, 502, 503, 504);
    for (int i = 0; i < 6; ++i) {
      CHECK(Drain(feed) == std::vector{Poster::Did::kFailed});
      feed.clock.now += 2h;
    }
    CHECK(Seen(feed, 2).empty());
    CHECK(feed.Standing().parked.empty());
  }
}

TEST_CASE("of a refused message of several changes only the one at fault is parked", "[feed][pg]") {
  Picky picky;
  FeedWorld feed{picky.Answer()};
  feed.endpoint.batch = 20;
  picky.refused = 113;
  for (int i = 0; i < 40; ++i) feed.Change("people", i % 10, 100 + i);
  const auto did = Drain(feed);
  CHECK(std::ranges::count(did, Poster::Did::kParked) == 1);
  CHECK(std::ranges::count(did, Poster::Did::kSplit) < 20);
  const auto parked = feed.Standing().parked;
  REQUIRE(parked.size() == 1);
  CHECK(parked[0].key == nlohmann::json{{"id", 3}});
  CHECK(feed.Standing().waiting == 3);
  picky.refused = -1;
  feed.clock.now += 6s;
  Drain(feed);
  for (int key = 0; key < 10; ++key) {
    CAPTURE(key);
    auto told = feed.Told()[Row(key)];
    // What was refused in a larger message came again.
    CHECK(Values{told.end() - 1, told.end()} == Values{130 + key});
  }
  CHECK(feed.Standing().waiting == 0);
}

TEST_CASE("an endpoint that refuses everything holds the feed, and is told everything when it does not any more", "[feed][pg]") {
  Picky picky;
  FeedWorld feed{[&](const EndpointStub::Request&) { return EndpointStub::Reply{.status = picky.away ? 400 : 200}; }};
  picky.away = true;
  feed.endpoint.batch = GENERATE(1U, 8U);
  constexpr int kRows = 130;
  for (int i = 0; i < 2 * kRows; ++i) feed.Change("people", i % kRows, i);
  const auto did = Drain(feed);
  CHECK(did.back() == Poster::Did::kFailed);
  CHECK(feed.Standing().parked.size() == sync::ParkedChanges::kMost);
  CHECK(feed.Standing().failing_since);
  CHECK(feed.Standing().waiting == 2 * kRows);
  picky.away = false;
  SECTION("by itself") {
    feed.clock.now += 1h;
    Drain(feed);
    feed.clock.now += 1h;
    Drain(feed);
  }
  SECTION("or at once, when an operator resumes it") {
    CHECK(FeedControl{feed.there, feed.endpoint}.Resume(false));
    Drain(feed);
  }
  CHECK(feed.Standing().waiting == 0);
  CHECK(feed.Standing().parked.empty());
  for (const auto& [row, values] : feed.Told()) {
    CAPTURE(row);
    CHECK(values.back() >= kRows);
  }
}

TEST_CASE("a parked change is skipped, replayed, lost by age and erased without holding its row for ever", "[feed][pg]") {
  Picky picky;
  FeedWorld feed{picky.Answer()};
  picky.refused = 10;
  feed.Change("people", 1, 10);
  feed.Change("people", 1, 11);
  feed.Change("people", 2, 20);
  Drain(feed);
  REQUIRE(feed.Standing().parked.size() == 1);
  FeedControl control{feed.there, feed.endpoint};
  SECTION("skipped") {
    CHECK(control.Resume(true));
    CHECK_FALSE(control.Resume(true));
    CHECK(Drain(feed) == std::vector{Poster::Did::kPosted});
    CHECK(Seen(feed, 1) == Values{10, 11});
  }
  SECTION("replayed") {
    picky.refused = -1;
    CHECK(control.CountSince(SystemClock{}.Now() - 1h) == 1);
    control.Replay(SystemClock{}.Now() + 1h);  // what waits is posted all the same
    CHECK(feed.Standing().parked.empty());
    Drain(feed);
    CHECK(Seen(feed, 1) == Values{10, 11});
  }
  SECTION("its entry left by age") {
    feed.there.Run("DELETE FROM membridge.changes WHERE cells -> 'v' ->> 'new' = '10'");
    feed.clock.now += 6s;
    CHECK(Drain(feed) == std::vector{Poster::Did::kPosted});
    CHECK(Seen(feed, 1) == Values{10, 11});
  }
  SECTION("its entry was erased, and no poster has looked since") {
    feed.there.Run("DELETE FROM membridge.changes WHERE key = '{\"id\": 1}'");
    InTransaction(feed.database, [](auto& transaction) { sync::ParkedChanges::AdvanceLost(transaction); });
    CHECK(feed.database.Count("membridge.feed_parked") == 0);
  }
  SECTION("restored elsewhere") {
    picky.refused = -1;
    feed.there.Run("UPDATE membridge.feeds SET place = 'elsewhere/1'");
    Drain(feed);
    CHECK(Seen(feed, 1) == Values{10, 11});
    CHECK(feed.Standing().parked.empty());
  }
}

TEST_CASE("random changes and an endpoint of many moods: nothing is left out, and each row comes in order", "[feed][pg]") {
  const auto seed = std::random_device{}();
  CAPTURE(seed);
  std::mt19937 random{seed};
  const auto below = [&](int limit) { return std::uniform_int_distribution<int>{0, limit - 1}(random); };
  std::atomic<int> mood{0};
  std::map<std::string, Values> taken;
  const auto take = [&](const EndpointStub::Request& request) {
    const auto data = nlohmann::json::parse(request.body)["data"];
    const auto changes = data.contains("changes") ? data["changes"] : nlohmann::json::array({data});
    if (mood == 1) return EndpointStub::Reply{.status = 503};
    for (const auto& change : changes) {
      if (mood == 2 && change["cells"]["v"]["new"].get<int>() % 5 == 0) return EndpointStub::Reply{.status = 422};
    }
    for (const auto& change : changes)
      taken[change["relation"].get<std::string>() + change["key"].dump()].push_back(change["cells"]["v"]["new"].get<int>());
    return EndpointStub::Reply{.hang_up = mood == 3};  // taken, and the answer is lost
  };
  FeedWorld feed{take};
  feed.endpoint.batch = GENERATE(1U, 6U);
  std::map<std::string, Values> expected;
  for (int step = 0; step < 300; ++step) {
    const int key = below(12);
    feed.Change("people", key, step);
    expected[Row(key)].push_back(step);
    mood = below(4);
    for (int tries = below(3); tries > 0; --tries) feed.Post();
    feed.clock.now += std::chrono::seconds{below(90)};
  }
  mood = 0;
  for (int turn = 0; turn < 20 && feed.Standing().waiting > 0; ++turn) {
    feed.clock.now += 25h;
    Drain(feed);
  }
  CHECK(feed.Standing().waiting == 0);
  for (const auto& [row, values] : expected) {
    CAPTURE(row);
    // At least once: each value is there, and no new one comes before one that is older.
    Values firsts;
    for (const int value : taken[row]) {
      if (firsts.empty() || value > firsts.back()) firsts.push_back(value);
    }
    CHECK(firsts == values);
  }
}

}  // namespace membridge::test
