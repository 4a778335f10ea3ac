// Calls that wait for somebody else's lock give up, and keep nobody from signing in or revoking a token meanwhile.
#include <future>
#include <vector>

#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiAnswer;
using test::ApiWorld;
using test::Eventually;

namespace {

constexpr std::size_t kPreviews = 8;

const std::vector<std::string>& PreviewHeaders() {
  static const std::vector<std::string> headers{"Authorization: Bearer " + test::kOperatorToken,
                                                "Content-Type: application/json"};
  return headers;
}

/// As many previews of one memory at once, each by a client of its own.
std::vector<std::future<ApiAnswer>> StartPreviews(const ApiWorld& world, const std::string& memory) {
  std::vector<std::future<ApiAnswer>> previews;
  for (std::size_t i = 0; i < kPreviews; ++i) {
    previews.push_back(std::async(std::launch::async, [&world, memory] {
      test::HttpClient client;
      return world.RawBy(client, "POST", "/api/v1/mappings/contacts/preview", json{{"memory", memory}, {"read", "mirror"}}.dump(),
                         PreviewHeaders());
    }));
  }
  return previews;
}

std::int64_t WaitingForLocks(const ApiWorld& world) {
  return world.db.Count(
      "pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'membridge%' AND "
      "wait_event_type = 'Lock'");
}

}  // namespace

TEST_CASE("while eight previews of a locked table hang, people sign in, revoke tokens and list what there is",
          "[T14][api][pg][sim]") {
  ApiWorld world;
  const std::string id = world.Remember("ada", "Name is Ada Lovelace");
  const json made = world.Post("/tokens", {{"name", "lost"}, {"role", "operator"}});
  auto blocker = world.db.Session();
  std::vector<std::future<ApiAnswer>> previews;
  {
    auto lock = blocker.Begin();
    lock.Run("LOCK TABLE crm.contacts IN ACCESS EXCLUSIVE MODE");
    previews = StartPreviews(world, id);
    REQUIRE(Eventually([&] { return WaitingForLocks(world) >= 1; }));
    CHECK(world.Get("/session")["name"] == "ada");
    CHECK(world.Get("/tokens")["tokens"].size() == 4);
    CHECK(world.Call("DELETE", "/tokens/" + made["id"].get<std::string>()).status == 200);
    const auto revoked = world.Raw("GET", "/api/v1/session", "", {"Authorization: Bearer " + made["token"].get<std::string>()});
    CHECK(revoked.status == 401);
    CHECK(world.Get("/deliveries").contains("deliveries"));
    CHECK(world.Get("/overview").is_object());
    for (auto& preview : previews) CHECK(preview.get().status == 503);
  }
}

TEST_CASE("a preview that waits for a lock gives up after its time and says who is in the way", "[T14][api][pg][sim]") {
  ApiWorld world{{.preview_patience = std::chrono::milliseconds{100}}};
  const std::string id = world.Remember("ada", "Name is Ada Lovelace");
  auto blocker = world.db.Session();
  {
    auto lock = blocker.Begin();
    lock.Run("LOCK TABLE crm.contacts IN ACCESS EXCLUSIVE MODE");
    auto previews = StartPreviews(world, id);
    for (auto& preview : previews) {
      const ApiAnswer answer = preview.get();
      CAPTURE(answer.text);
      CHECK(answer.status == 503);
      CHECK(answer.body["message"].get<std::string>().starts_with("target default"));
      CHECK(answer.headers.contains("retry-after"));
    }
  }
  CHECK(world.Post("/mappings/contacts/preview", {{"memory", id}})["outcome"] == "applied");
}

TEST_CASE("a preview of a row that somebody holds locked is answered", "[T14][api][pg][sim]") {
  ApiWorld world{{.preview_patience = std::chrono::milliseconds{100}}};
  const std::string id = world.Remember("ada", "Name is Ada Lovelace");
  json record = world.mem0.Truth().at(id);
  record["memory"] = "Name is Augusta Ada King";
  record["updated_at"] = "2031-01-01T00:00:00Z";
  auto blocker = world.db.Session();
  auto lock = blocker.Begin();
  lock.Run("SELECT FROM crm.contacts FOR UPDATE");
  const ApiAnswer answer = world.Call("POST", "/mappings/contacts/preview", {{"record", record}}, test::kOperatorToken);
  CAPTURE(answer.text);
  CHECK((answer.status == 503 ? answer.body["code"] == "locked" : answer.body["outcome"] != "applied"));
}

TEST_CASE("a call that waits for a lock on the bridge's own tables gives up and says so", "[T14][api][pg][sim]") {
  ApiWorld world;
  auto blocker = world.db.Session();
  auto lock = blocker.Begin();
  lock.Run("LOCK TABLE membridge.parked IN ACCESS EXCLUSIVE MODE");
  const ApiAnswer answer = world.Call("GET", "/parked/groups");
  CAPTURE(answer.text);
  CHECK(answer.status == 503);
  CHECK(answer.body["code"] == "locked");
}
