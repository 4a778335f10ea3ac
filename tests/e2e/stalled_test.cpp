// Hundreds of senders that stop in the middle of a request, against a whole bridge.
#include <deque>
#include <string>
#include <string_view>

#include "tests/e2e/world.hpp"
#include "tests/receiver/http/raw_client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

constexpr int kStalled = 300;

/// What the stalled clients have sent when they fall silent: a third each within the header, within a body and within a chunk.
std::string Half(int client, std::string_view path) {
  const std::string line = "POST " + std::string{path} + " HTTP/1.1\r\n";
  if (client % 3 == 0) return line + "Ho";
  if (client % 3 == 1)
    return line + "Host: a\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{\"event_details\":{";
  return line + "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"event_details\":{";
}

TEST_CASE("three hundred halves of deliveries hold up no whole one, and leave no descriptor open", "[e2e]") {
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  const std::string url = world.Subscribe(bridge);
  const std::string path = url.substr(bridge.Url().size());
  const auto port = static_cast<std::uint16_t>(std::stoi(bridge.Url().substr(bridge.Url().rfind(':') + 1)));
  const std::string memory = world.Mem0().Add("ada", "Name is Ada Lovelace");
  const std::string hint = R"({"event_details":{"id":")" + memory + R"(","event":"UPDATE"}})";
  REQUIRE(world.WaitSettled());
  const std::size_t before = bridge.OpenFiles();

  std::deque<test::RawClient> stalled;
  for (int i = 0; i < kStalled; ++i) REQUIRE(stalled.emplace_back(port).Send(Half(i, path)));
  REQUIRE(test::WaitUntil([&] { return bridge.OpenFiles() >= before + kStalled; }, 5s));

  // A server that waited for one of them would wait until that one's time is over: ten seconds for a header, thirty for a body.
  test::HttpClient kept;
  for (int i = 0; i < 50; ++i) {
    REQUIRE(kept.Call("POST", url, hint, {"Content-Type: application/json"}, 5s).status == 200);
    REQUIRE(test::HttpClient{}.Call("POST", url, hint, {"Content-Type: application/json"}, 5s).status == 200);
  }
  world.Mem0().Add("grace", "Name is Grace Hopper");
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE name = 'Grace Hopper'") == 1; }, 5s));

  // Those within the header are told in the end; of the others half leave politely and half do not.
  for (int i = 0; i < kStalled; ++i) {
    test::RawClient& client = stalled[static_cast<std::size_t>(i)];
    if (i % 3 == 1) client.Close();
    if (i % 3 == 2) client.Reset();
  }
  for (int i = 0; i < kStalled; i += 3) {
    const auto told = stalled[static_cast<std::size_t>(i)].Receive();
    REQUIRE(told);
    CHECK(told->status == 408);
  }
  stalled.clear();
  // The bridge's own connections, to PostgreSQL and to Mem0, come and go; what a third of the clients left behind would be a
  // hundred.
  CHECK(test::WaitUntil([&] { return bridge.OpenFiles() < before + kStalled / 10; }));
  CHECK(bridge.Metric("membridge_http_connections") <= 5);
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
}

}  // namespace
}  // namespace membridge::e2e
