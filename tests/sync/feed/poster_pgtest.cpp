#include <atomic>
#include <map>
#include <set>

#include "sync/erase/erasure.hpp"
#include "sync/feed/control.hpp"
#include "sync/feed/position.hpp"
#include "sync/feed/poster.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/feed/feed_world.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using sync::FeedControl;
using sync::FeedPosition;
using sync::Poster;

}  // namespace

TEST_CASE("an entry is posted signed, as Standard Webhooks says, under its own id", "[feed][pg]") {
  FeedWorld feed;
  feed.Change("people", 1, 7);
  CHECK(feed.Post().did == Poster::Did::kPosted);
  CHECK(feed.Post().did == Poster::Did::kNothing);
  const auto requests = feed.stub.Requests();
  REQUIRE(requests.size() == 1);
  const json body = json::parse(requests[0].body);
  CHECK(requests[0].path == "/hook");
  CHECK(body["type"] == "row.changed");
  CHECK(body["timestamp"] == body["data"]["at"]);
  CHECK(body["data"]["relation"] == "public.people");
  CHECK(body["data"]["key"] == json{{"id", 1}});
  CHECK(body["data"]["cells"]["v"]["new"] == 7);
  const auto& headers = requests[0].headers;
  CHECK(headers.at("webhook-id") == body["data"]["id"].get<std::string>());
  CHECK(headers.at("webhook-timestamp") == "1796040000");
  CHECK(headers.at("content-type") == "application/json");
  CHECK(headers.at("webhook-signature") == feed.endpoint.signer->Sign(headers.at("webhook-id"), "1796040000", requests[0].body));
  CHECK(feed.Standing().posted == 1);
  CHECK(feed.Standing().waiting == 0);
}

TEST_CASE("what commits late is posted, and the changes of a row keep their order", "[feed][pg]") {
  FeedWorld feed;
  sync::postgres::Session first = feed.database.Session();
  sync::postgres::Session second = feed.database.Session();
  feed.there.Run("CREATE TABLE public.people (id int PRIMARY KEY, v int)");
  feed.there.Run("INSERT INTO public.people VALUES (1, 0)");
  // The transaction that has the lower number changes the row last.
  sync::postgres::Transaction early = first.Begin();
  early.Run("SELECT pg_current_xact_id()");
  FeedWorld::Change(early, "towns", 9, 1);
  {
    sync::postgres::Transaction late = second.Begin();
    late.Run("UPDATE public.people SET v = 1 WHERE id = 1");
    FeedWorld::Change(late, "people", 1, 1);
    late.Commit();
  }
  CHECK(feed.PostAll() == 1);
  early.Run("UPDATE public.people SET v = 2 WHERE id = 1");
  FeedWorld::Change(early, "people", 1, 2);
  feed.Change("people", 2, 5);
  CHECK(feed.PostAll() == 1);
  early.Commit();
  CHECK(feed.PostAll() == 2);
  CHECK(feed.Told() == std::map<std::string, std::vector<int>>{{"public.people{\"id\":1}", {1, 2}},
                                                               {"public.people{\"id\":2}", {5}},
                                                               {"public.towns{\"id\":9}", {1}}});
}

TEST_CASE("a message that fails is posted again under the same id, and those behind it wait", "[feed][pg]") {
  std::atomic<int> status{503};
  FeedWorld feed{[&](const EndpointStub::Request&) { return EndpointStub::Reply{.status = status}; }};
  feed.Change("people", 1, 1);
  feed.Change("people", 1, 2);
  CHECK(feed.Post().did == Poster::Did::kFailed);
  CHECK(feed.Post().did == Poster::Did::kWaiting);
  CHECK(feed.Standing().attempts == 1);
  CHECK(feed.Standing().last_status == 503);
  feed.clock.now += 6s;
  CHECK(feed.Post().did == Poster::Did::kFailed);
  status = 200;
  feed.clock.now += 34s;
  CHECK(feed.Post().did == Poster::Did::kPosted);
  CHECK(feed.Post().did == Poster::Did::kPosted);
  CHECK(feed.Standing().attempts == 0);
  CHECK_FALSE(feed.Standing().failing_since);
  const auto requests = feed.stub.Requests();
  REQUIRE(requests.size() == 4);
  CHECK(requests[0].headers.at("webhook-id") == requests[2].headers.at("webhook-id"));
  CHECK(requests[0].body == requests[2].body);
  CHECK(requests[0].headers.at("webhook-timestamp") != requests[2].headers.at("webhook-timestamp"));
  CHECK(requests[3].headers.at("webhook-id") != requests[2].headers.at("webhook-id"));
}

TEST_CASE("an endpoint that is away for an hour is told everything when it is back", "[feed][pg]") {
  std::atomic<bool> away{true};
  FeedWorld feed{[&](const EndpointStub::Request&) { return EndpointStub::Reply{.hang_up = away}; }};
  for (int i = 0; i < 20; ++i) feed.Change("people", i % 3, i);
  const Instant begun = feed.clock.now;
  int attempts = 0;
  while (feed.clock.now < begun + 1h) {
    const auto step = feed.Post();
    if (step.did == Poster::Did::kFailed) ++attempts;
    feed.clock.now += 1min;
  }
  CHECK(attempts > 3);
  CHECK(attempts < 10);
  CHECK(feed.Standing().waiting == 20);
  away = false;
  feed.clock.now += 2h;
  CHECK(feed.PostAll() == 20);
  auto told = feed.Told();
  for (auto& [row, values] : told) {
    // Attempts that failed repeated the first.
    values.erase(std::unique(values.begin(), values.end()), values.end());
    CHECK(std::is_sorted(values.begin(), values.end()));
  }
}

TEST_CASE("Retry-After is obeyed, redirects are not followed, and 410 pauses", "[feed][pg]") {
  EndpointStub::Reply reply;
  FeedWorld feed{[&](const EndpointStub::Request&) { return reply; }};
  feed.Change("people", 1, 1);
  SECTION("in seconds, also far beyond the usual wait") {
    reply = {.status = 429, .headers = "Retry-After: 7200\r\n"};
    CHECK(feed.Post().did == Poster::Did::kFailed);
    feed.clock.now += 7'100s;
    CHECK(feed.Post().did == Poster::Did::kWaiting);
    feed.clock.now += 101s;
    CHECK(feed.Post().did == Poster::Did::kFailed);
  }
  SECTION("a redirect is a refusal") {
    EndpointStub elsewhere;
    reply = {.status = 307, .headers = "Location: " + elsewhere.Url() + "\r\n"};
    CHECK(feed.Post().did == Poster::Did::kFailed);
    CHECK(elsewhere.Requests().empty());
    CHECK(feed.Standing().last_status == 307);
  }
  SECTION("an endpoint that is gone is left alone until somebody resumes it") {
    reply = {.status = 410};
    CHECK(feed.Post().did == Poster::Did::kPausing);
    feed.clock.now += 24h;
    CHECK(feed.Post().did == Poster::Did::kPaused);
    CHECK(feed.Standing().paused_by == "gone");
    reply = {.status = 204};
    CHECK(FeedControl{feed.there, feed.endpoint}.Resume(false));
    CHECK(feed.PostAll() == 1);
  }
  SECTION("an endpoint that fails for days is paused") {
    reply = {.status = 500};
    int attempts = 0;
    while (feed.Post().did != Poster::Did::kPausing) {
      ++attempts;
      REQUIRE(attempts < 100);
      feed.clock.now += 27h;
    }
    CHECK(feed.Standing().paused_by == "failing");
  }
}

TEST_CASE("whoever dies between a post and its note posts again under the same id", "[feed][pg]") {
  FeedWorld feed;
  feed.endpoint.batch = GENERATE(1U, 3U);
  for (int i = 0; i < 4; ++i) feed.Change("people", i, i);
  FeedPosition position{feed.there, feed.endpoint};
  position.Enter();
  const auto lost = position.Next(feed.clock.now);
  REQUIRE(lost.message);
  // The process that noted this one as under way is gone. More changes do not alter it.
  feed.Change("people", 9, 9);
  const auto again = position.Next(feed.clock.now);
  REQUIRE(again.message);
  CHECK(again.message->id == lost.message->id);
  CHECK(again.message->Body(true) == lost.message->Body(true));
  CHECK(feed.PostAll() == (feed.endpoint.batch == 1 ? 5 : 3));  // of three: three, one, and what came later
  CHECK(feed.stub.Requests().front().headers.at("webhook-id") == lost.message->id);
  CHECK(feed.Told().size() == 5);
}

TEST_CASE("messages of several changes hold them in order", "[feed][pg]") {
  FeedWorld feed;
  feed.endpoint.batch = 10;
  for (int i = 0; i < 25; ++i) feed.Change("people", i % 2, i);
  CHECK(feed.PostAll() == 3);
  const json body = json::parse(feed.stub.Requests().front().body);
  CHECK(body["type"] == "rows.changed");
  CHECK(body["data"]["changes"].size() == 10);
  for (const auto& [row, values] : feed.Told()) CHECK(std::is_sorted(values.begin(), values.end()));
}

TEST_CASE("only what the filter wants is posted, and the rest is passed", "[feed][pg]") {
  FeedWorld feed;
  feed.endpoint.filter.tables = {"public.people"};
  feed.endpoint.filter.ops = {"update", "delete"};
  feed.Change("towns", 1, 1);
  CHECK(feed.PostAll() == 0);
  feed.Change("people", 1, 2);
  feed.Change("towns", 1, 3);
  CHECK(feed.PostAll() == 1);
  CHECK(feed.Told().size() == 1);
  CHECK(feed.Standing().waiting == 0);
}

TEST_CASE("a feed is paused, resumed, made to skip, and replayed", "[feed][pg]") {
  std::atomic<int> status{200};
  FeedWorld feed{[&](const EndpointStub::Request&) { return EndpointStub::Reply{.status = status}; }};
  FeedPosition{feed.there, feed.endpoint}.Enter();
  FeedControl control{feed.there, feed.endpoint};
  CHECK(control.Pause());
  CHECK_FALSE(control.Pause());
  feed.Change("people", 1, 1);
  CHECK(feed.Post().did == Poster::Did::kPaused);
  CHECK(control.Resume(false));
  CHECK_FALSE(control.Resume(false));
  CHECK(feed.PostAll() == 1);
  status = 404;
  feed.Change("people", 1, 2);
  feed.Change("people", 1, 3);
  CHECK(feed.Post().did == Poster::Did::kFailed);
  status = 200;
  CHECK(control.Resume(true));
  CHECK(feed.PostAll() == 1);
  CHECK(feed.Told().begin()->second == std::vector{1, 2, 3});

  const Instant long_ago = SystemClock{}.Now() - 1h;
  CHECK(control.CountSince(long_ago) == 3);
  CHECK(control.CountSince(SystemClock{}.Now() + 1h) == 0);
  feed.Change("people", 1, 4);
  control.Replay(long_ago);
  CHECK(feed.PostAll() == 4);
  CHECK(feed.Told().begin()->second == std::vector{1, 2, 3, 1, 2, 3, 4});
  CHECK(feed.stub.Requests()[0].headers.at("webhook-id") == feed.stub.Requests()[3].headers.at("webhook-id"));
  control.Replay(SystemClock{}.Now() + 1h);
  CHECK(feed.PostAll() == 0);
}

TEST_CASE("in a database that was restored elsewhere a feed begins anew, and misses nothing", "[feed][pg]") {
  FeedWorld feed;
  feed.Change("people", 1, 1);
  CHECK(feed.PostAll() == 1);
  feed.there.Run("UPDATE membridge.feeds SET place = 'elsewhere/1'");
  feed.there.Run("UPDATE membridge.changes SET xid = (xid::text::bigint + 1000000)::text::xid8");
  feed.Change("people", 1, 2);
  CHECK(feed.PostAll() == 2);
  CHECK(feed.Told().begin()->second == std::vector{1, 1, 2});
}

TEST_CASE("many writers and a poster: every change arrives, each row in order", "[feed][pg]") {
  FeedWorld feed;
  feed.endpoint.batch = 7;
  feed.there.Run("CREATE TABLE public.people (id int PRIMARY KEY, v int)");
  feed.there.Run("INSERT INTO public.people SELECT n, 0 FROM generate_series(0, 4) AS n");
  constexpr int kWriters = 4;
  constexpr int kEach = 60;
  std::atomic<int> done{0};
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < kWriters; ++writer) {
      writers.emplace_back([&, writer] {
        sync::postgres::Session session = feed.database.Session();
        for (int i = 0; i < kEach; ++i) {
          sync::postgres::Transaction transaction = session.Begin();
          if (i % 2 == 0) transaction.Run("SELECT pg_current_xact_id()");
          const int row = (writer + i) % 5;
          const auto rows =
              transaction.Run("UPDATE public.people SET v = v + 1 WHERE id = $1::int RETURNING v", {std::to_string(row)});
          FeedWorld::Change(transaction, "people", row, static_cast<int>(rows.Int(0, 0)));
          transaction.Commit();
        }
        ++done;
      });
    }
    while (done < kWriters) feed.PostAll();
  }
  feed.PostAll();
  std::size_t all = 0;
  for (const auto& [row, values] : feed.Told()) {
    all += values.size();
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(values[i] == static_cast<int>(i) + 1);
  }
  CHECK(all == kWriters * kEach);
}

}  // namespace membridge::test
