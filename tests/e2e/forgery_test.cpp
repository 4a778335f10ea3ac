#include <string>
#include <vector>

#include "tests/e2e/world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/http_client.hpp"

namespace membridge::e2e {
namespace {

using namespace std::chrono_literals;

std::string Hint(const std::string& id, const std::string& event, const std::string& text) {
  return R"({"event_details":{"id":")" + id + R"(","event":")" + event + R"(","data":{"memory":")" + text + R"("}}})";
}

TEST_CASE("what strangers post changes no row, and honest deliveries are served meanwhile", "[e2e]") {
  World world{SeedOfRun()};
  test::Bridge bridge{world.Options()};
  bridge.Start();
  const std::string url = world.Subscribe(bridge);
  const std::string memory = world.Mem0().Add("ada", "Name is Ada Lovelace. Works at Initech", nullptr, {"support"});
  REQUIRE(world.WaitSettled());
  REQUIRE(world.WrongRows() == std::vector<std::string>{});
  const std::string contact = world.Database().Value("SELECT to_jsonb(c) FROM crm.contacts c");

  const std::string unknown = "0b5c5d27-7e0a-4b1e-9d54-6f6d1a4b8f00";
  const std::vector<std::pair<std::string, int>> posts{
      {Hint(memory, "UPDATE", "Name is Mallory. Works at Evil Corp"), 200},
      {Hint(memory, "DELETE", ""), 200},
      {Hint(unknown, "ADD", "Name is Mallory"), 200},
      {Hint("../../../etc/passwd", "ADD", "Name is Mallory"), 200},
      {Hint("a1b2c3d4-e5f6-4g7h-8i9j-k0l1m2n3o4p5", "ADD", "Name is Alex"), 200},
      {Hint("x\\u0000y", "ADD", "Name is Mallory"), 200},
      {Hint("'; DROP TABLE crm.contacts; --", "ADD", "'; DROP TABLE crm.contacts; --"), 200},
      {Hint(memory, "memory_evaporated", "Name is Mallory"), 200},
      {R"({"id":")" + memory + R"(","data":{"memory":"Name is Mallory"},"event":"UPDATE"})", 200},
      {"[" + Hint(memory, "DELETE", "") + "," + Hint(unknown, "ADD", "Name is Mallory") + "]", 200},
      {std::string(100'000, '[') + std::string(100'000, ']'), 200},
      {"{}", 200},
      {"17", 200},
      {"", 400},
      {"Name is Mallory", 400},
      {"{\"memory\":\"\xff\xfe\"}", 400},
      {std::string(2 * 1024 * 1024, ' ') + "{}", 413},
  };
  test::HttpClient client;
  for (const auto& [body, status] : posts) {
    CAPTURE(body.substr(0, 80));
    CHECK(client.Post(url, body).status == status);
  }
  CHECK(client.Post(bridge.Url() + "/webhooks/crm/" + std::string(43, 'A'), Hint(memory, "DELETE", "")).status == 401);
  CHECK(client.Post(bridge.Url() + "/webhooks/nobody/" + world.Token(), Hint(memory, "DELETE", "")).status == 401);
  CHECK(client.Get(url).status == 405);

  // An honest change, made while all of that is being looked into, shows within a second or two.
  const std::string other = world.Mem0().Add("grace", "Name is Grace Hopper");
  CHECK(test::WaitUntil([&] { return world.Database().Count("crm.contacts WHERE name = 'Grace Hopper'") == 1; }, 5s));
  REQUIRE(world.WaitSettled());
  CHECK(world.WrongRows() == std::vector<std::string>{});
  CHECK(world.Database().Value("SELECT to_jsonb(c) FROM crm.contacts c WHERE user_ref = 'ada'") == contact);
  CHECK(world.Database().Count("crm.contacts") == 2);
  CHECK(bridge.Running());
  CHECK(world.Leaks(bridge.Log()) == std::vector<std::string>{});
  CHECK(bridge.Log().find("Mallory") == std::string::npos);
}

}  // namespace
}  // namespace membridge::e2e
