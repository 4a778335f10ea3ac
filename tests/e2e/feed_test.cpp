// The change feed while `serve` is killed: every change reaches the endpoint, each row's in order, every attempt under one id.
#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <utility>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/endpoint_stub.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// Takes messages, refuses all, or keeps the next one waiting for its answer.
class Follower {
 public:
  enum class Mood { kTakes, kRefuses, kStalls };

  test::EndpointStub::Reply Answer(const test::EndpointStub::Request&) {
    std::unique_lock lock{mutex_};
    if (mood_ == Mood::kRefuses) return {.status = 503, .headers = "Retry-After: 0\r\n"};
    if (mood_ == Mood::kStalls) {
      stalled_ = true;
      changed_.wait_for(lock, 60s, [&] { return mood_ != Mood::kStalls; });
      stalled_ = false;
    }
    return {.status = 204};
  }
  void Be(Mood mood) {
    const std::lock_guard lock{mutex_};
    mood_ = mood;
    changed_.notify_all();
  }
  bool Stalled() {
    const std::lock_guard lock{mutex_};
    return stalled_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Mood mood_ = Mood::kTakes;
  bool stalled_ = false;
};

/// What was posted: every change, by when it came first, and the bodies by webhook-id.
struct Told {
  std::vector<json> firsts;
  std::map<std::string, std::set<std::string>> bodies;

  explicit Told(const std::vector<test::EndpointStub::Request>& requests) {
    std::set<std::string> known;
    for (const auto& request : requests) {
      const json data = json::parse(request.body)["data"];
      bodies[request.headers.at("webhook-id")].insert(request.body);
      for (const json& change : data.contains("changes") ? data["changes"] : json::array({data})) {
        if (known.insert(change["id"].get<std::string>()).second) firsts.push_back(change);
      }
    }
  }
  std::set<std::string> Ids() const {
    std::set<std::string> ids;
    for (const json& change : firsts) ids.insert(change["id"].get<std::string>());
    return ids;
  }
  bool InOrder() const {
    std::map<std::pair<json, json>, std::int64_t> last;
    return std::ranges::all_of(firsts, [&](const json& change) {
      const auto seq = change["seq"].get<std::int64_t>();
      return std::exchange(last[{change["relation"], change["key"]}], seq) < seq;
    });
  }
};

}  // namespace

TEST_CASE("a feed whose bridge is killed before a post, and after it, tells every change", "[e2e][feed]") {
  const std::uint64_t seed = SeedOfRun();
  CAPTURE(seed);
  World world{seed};
  Follower follower;
  test::EndpointStub endpoint{[&](const auto& request) { return follower.Answer(request); }};
  test::BridgeOptions options = world.Options();
  options.targets = "{default: {database: state, feed: true}}";
  const std::size_t batch = seed % 2 == 0 ? 1 : 7;
  options.feeds = fmt::format("[{{name: all, url: \"{}\", secrets: [whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0], batch: {}}}]",
                              endpoint.Url(), batch);
  test::Bridge bridge{options};
  bridge.Start();
  world.Subscribe(bridge);
  Chatter chatter{seed};
  const auto entries = [&] { return world.Database().Count("membridge.changes"); };
  const auto posted = [&] { return Told{endpoint.Requests()}.Ids().size(); };

  // Committed, and not posted: the endpoint takes nothing while the rows change, and the process dies meanwhile.
  Live(world, chatter, 8, 30);
  CHECK(test::WaitUntil([&] { return posted() > 5; }, 60s));
  follower.Be(Follower::Mood::kRefuses);
  const auto before = entries();
  Live(world, chatter, 8, 40);
  CHECK(test::WaitUntil([&] { return entries() > before + 5; }, 60s));
  bridge.Kill();
  follower.Be(Follower::Mood::kTakes);
  bridge.Start();
  // Posted, and not noted: the process dies while the endpoint has the message and has not answered. Several times.
  for (int kill = 0; kill < 3; ++kill) {
    follower.Be(Follower::Mood::kStalls);
    Live(world, chatter, 8, 15);
    CHECK(test::WaitUntil([&] { return follower.Stalled(); }, 60s));
    bridge.Kill();
    follower.Be(Follower::Mood::kTakes);
    bridge.Start();
  }
  REQUIRE(world.WaitSettled());
  const auto all = [&] {
    std::set<std::string> ids;
    const auto rows = world.Database().Run("SELECT id::text FROM membridge.changes");
    for (std::size_t row = 0; row < rows.size(); ++row) ids.emplace(rows.Text(row, 0));
    return ids;
  };
  CHECK(test::WaitUntil([&] { return posted() == all().size(); }, 90s));
  const Told told{endpoint.Requests()};
  CHECK(told.Ids() == all());
  CHECK(told.InOrder());
  // What was posted before a death came again under the same id and with the same bytes.
  CHECK(std::ranges::all_of(told.bodies, [](const auto& message) { return message.second.size() == 1; }));
  CHECK(endpoint.Requests().size() > told.bodies.size());
  CHECK(world.WrongRows().empty());
  CHECK(world.Leaks(bridge.Log()).empty());
}

}  // namespace membridge::e2e
