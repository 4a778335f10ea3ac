#include "receiver/committer.hpp"

#include <atomic>
#include <future>
#include <memory>
#include <set>
#include <thread>

#include "tests/receiver/http/echo_server.hpp"
#include "tests/receiver/scripted_inbox.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::test;
using receiver::Committer;

namespace {

sync::Delivery Made(const std::string& id, std::size_t body_bytes = 2) {
  sync::Delivery delivery;
  delivery.id = DeliveryId{id};
  delivery.body = std::string(body_bytes, 'b');
  return delivery;
}

bool Eventually(const std::function<bool()>& condition) {
  return EchoServer::Eventually(condition);
}

/// Hands over and keeps what became of it.
std::future<Result<Committer::Fate>> HandOver(Committer& committer, sync::Delivery delivery) {
  auto promise = std::make_shared<std::promise<Result<Committer::Fate>>>();
  std::future<Result<Committer::Fate>> outcome = promise->get_future();
  REQUIRE(committer.TryHandOver(std::move(delivery),
                                [promise](const Result<Committer::Fate>& result) { promise->set_value(result); }));
  return outcome;
}

}  // namespace

TEST_CASE("what queues during a commit becomes one transaction", "[committer]") {
  ScriptedInbox inbox;
  Committer committer{{&inbox}, {}, {}};
  inbox.Shut();
  std::vector<std::future<Result<Committer::Fate>>> outcomes;
  outcomes.push_back(HandOver(committer, Made("first")));
  REQUIRE(Eventually([&] { return inbox.BatchSizes().size() == 1; }));
  for (int i = 0; i < 50; ++i) outcomes.push_back(HandOver(committer, Made(std::to_string(i))));
  CHECK(committer.Queued() == 51);
  CHECK(outcomes.front().wait_for(std::chrono::seconds{0}) == std::future_status::timeout);
  inbox.Open();
  for (auto& outcome : outcomes) CHECK(outcome.get());
  CHECK(inbox.BatchSizes() == std::vector<std::size_t>{1, 50});
  CHECK(inbox.Stored().size() == 51);
  CHECK(inbox.Stored()[1].id.Text() == "0");
  CHECK(Eventually([&] { return committer.Queued() == 0 && committer.Lag().count() == 0; }));
}

TEST_CASE("while one lane waits for its database the other stores what comes, and the oldest tells the lag", "[committer]") {
  ScriptedInbox lanes[2];
  Committer committer{{&lanes[0], &lanes[1]}, {}, {}};
  for (ScriptedInbox& lane : lanes) lane.Shut();
  auto first = HandOver(committer, Made("first"));
  REQUIRE(Eventually([&] { return lanes[0].BatchSizes().size() + lanes[1].BatchSizes().size() == 1; }));
  const bool second_took_it = lanes[0].BatchSizes().empty();
  ScriptedInbox& slow = lanes[second_took_it ? 1 : 0];
  ScriptedInbox& quick = lanes[second_took_it ? 0 : 1];
  quick.Open();
  std::vector<std::future<Result<Committer::Fate>>> later;
  for (int i = 0; i < 20; ++i) later.push_back(HandOver(committer, Made(std::to_string(i))));
  for (auto& outcome : later) CHECK(outcome.get());
  CHECK(Eventually([&] { return committer.Queued() == 1; }));
  CHECK(Eventually([&] { return committer.Lag().count() > 0; }));
  slow.Open();
  CHECK(first.get());
  CHECK(slow.Stored().size() == 1);
  CHECK(quick.Stored().size() == 20);
}

TEST_CASE("a batch has its limits, in deliveries and in bytes", "[committer]") {
  ScriptedInbox inbox;
  Committer committer{{&inbox}, {.max_batch = 4, .max_batch_bytes = 100}, {}};
  inbox.Shut();
  std::vector<std::future<Result<Committer::Fate>>> outcomes;
  outcomes.push_back(HandOver(committer, Made("first")));
  REQUIRE(Eventually([&] { return inbox.BatchSizes().size() == 1; }));
  for (int i = 0; i < 5; ++i) outcomes.push_back(HandOver(committer, Made("small")));
  for (const std::size_t bytes : {90u, 20u, 500u}) outcomes.push_back(HandOver(committer, Made("large", bytes)));
  inbox.Open();
  for (auto& outcome : outcomes) CHECK(outcome.get());
  CHECK(inbox.BatchSizes() == std::vector<std::size_t>{1, 4, 2, 1, 1});
}

TEST_CASE("a full queue takes nothing, in deliveries and in bytes", "[committer]") {
  ScriptedInbox inbox;
  Committer committer{{&inbox}, {.max_queued = 3, .max_queued_bytes = 100}, {}};
  inbox.Shut();
  const auto never = [](const Result<Committer::Fate>&) { FAIL("nothing was taken"); };
  auto first = HandOver(committer, Made("1"));
  REQUIRE(Eventually([&] { return inbox.BatchSizes().size() == 1; }));
  CHECK_FALSE(committer.TryHandOver(Made("large", 101), never));
  auto second = HandOver(committer, Made("2", 60));
  CHECK_FALSE(committer.TryHandOver(Made("large", 41), never));
  auto third = HandOver(committer, Made("3"));
  CHECK_FALSE(committer.TryHandOver(Made("4"), never));
  inbox.Open();
  CHECK(first.get());
  CHECK(second.get());
  CHECK(third.get());
  CHECK(Eventually([&] { return committer.Queued() == 0; }));
  CHECK(HandOver(committer, Made("5")).get());
}

TEST_CASE("after a failure everyone is told, and the next ones are stored", "[committer]") {
  ScriptedInbox inbox;
  std::atomic<int> failed{0};
  std::atomic<int> committed{0};
  Committer committer{{&inbox},
                      {},
                      {.on_committed = [&](const auto& deliveries) { committed += static_cast<int>(deliveries.size()); },
                       .on_attempt = [&](std::size_t, auto, bool stored) { failed += stored ? 0 : 1; }}};
  const bool throws = GENERATE(false, true);
  CAPTURE(throws);
  inbox.Script([throws](const auto&) -> Result<void> {
    if (throws) throw std::runtime_error("connection lost");
    return Fail(ErrorCode::kUnavailable, "the database is away");
  });
  for (int i = 0; i < 3; ++i) {
    const Result<Committer::Fate> outcome = HandOver(committer, Made("lost")).get();
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == ErrorCode::kUnavailable);
  }
  inbox.Script(nullptr);
  CHECK(HandOver(committer, Made("kept")).get());
  CHECK(inbox.Stored().size() == 1);
  CHECK(failed == 3);
  CHECK(committed == 1);
}

TEST_CASE("one delivery that cannot be stored does not take the others with it", "[committer]") {
  ScriptedInbox inbox;
  inbox.Script([](const auto& deliveries) -> Result<void> {
    for (const auto& delivery : deliveries) {
      if (delivery.id.Text() == "bad") return Fail(ErrorCode::kRowRejected, "refused");
    }
    return {};
  });
  inbox.Shut();
  Committer committer{{&inbox}, {}, {}};
  auto first = HandOver(committer, Made("first"));
  REQUIRE(Eventually([&] { return inbox.BatchSizes().size() == 1; }));
  std::vector<std::future<Result<Committer::Fate>>> good;
  for (int i = 0; i < 10; ++i) good.push_back(HandOver(committer, Made("good")));
  auto bad = HandOver(committer, Made("bad"));
  for (int i = 0; i < 10; ++i) good.push_back(HandOver(committer, Made("good")));
  inbox.Open();
  CHECK(first.get());
  CHECK_FALSE(bad.get());
  for (auto& outcome : good) CHECK(outcome.get());
  CHECK(inbox.Stored().size() == 21);
}

TEST_CASE("stopping stores what was taken and takes nothing more", "[committer]") {
  ScriptedInbox inbox;
  Committer committer{{&inbox}, {}, {}};
  inbox.Shut();
  std::vector<std::future<Result<Committer::Fate>>> outcomes;
  for (int i = 0; i < 20; ++i) outcomes.push_back(HandOver(committer, Made(std::to_string(i))));
  auto stopped = std::async(std::launch::async, [&] { committer.Stop(); });
  CHECK(Eventually([&] { return !committer.TryHandOver(Made("late"), [](const auto&) {}); }));
  inbox.Open();
  stopped.get();
  for (auto& outcome : outcomes) CHECK(outcome.get());
  CHECK_FALSE(committer.TryHandOver(Made("later"), [](const auto&) {}));
}

TEST_CASE("many threads hand over, and each delivery is stored once", "[committer]") {
  ScriptedInbox inbox;
  std::atomic<int> stored{0};
  std::atomic<int> refused{0};
  {
    Committer committer{{&inbox}, {.max_queued = 200, .max_batch = 32}, {}};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 1000; ++i) {
          const bool taken = committer.TryHandOver(Made(std::to_string(t * 1000 + i)),
                                                   [&](const Result<Committer::Fate>& result) { stored += result ? 1 : 0; });
          if (!taken) ++refused;
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
  }
  CHECK(stored + refused == 4000);
  std::set<std::string> ids;
  for (const auto& delivery : inbox.Stored()) ids.insert(delivery.id.Text());
  CHECK(ids.size() == static_cast<std::size_t>(stored));
}
