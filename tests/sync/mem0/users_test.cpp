#include "tests/support/catch.hpp"
#include "tests/sync/mem0/calling.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("users are listed over all pages, or from the bare array of older servers", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  mem0.Load(25, 50);
  mem0.Api("POST", "/v3/memories/add/",
           {{"messages", {{{"role", "user"}, {"content", "I sell"}}}}, {"agent_id", "seller"}, {"infer", false}});
  const bool bare = GENERATE(false, true);
  CAPTURE(bare);
  mem0.SetSettings({{"entities_bare", bare}, {"next_links", "relative"}});
  std::set<std::string> users;
  int page = 1;
  for (;; ++page) {
    const auto listed = client.ListEntities(page, 10);
    REQUIRE(listed);
    for (const Entity& entity : listed->entities) {
      if (entity.type == "user") users.insert(entity.name);
    }
    if (!listed->linked) break;
  }
  CHECK(users.size() == 25);
  CHECK(users.contains("user-0"));
  CHECK(page == (bare ? 1 : 3));
  CHECK(client.ListEntities(99)->entities.empty() == !bare);
}

TEST_CASE("an export is asked for, waited for and fetched", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  mem0.Add("alice", "Works at Initech", {{"company", "Initech"}});
  mem0.SetExports({{"ready_after_ms", 0}});
  const json schema{{"type", "object"}, {"properties", {{"company", {{"type", "string"}}}}}};
  const auto id = client.CreateExport(schema, Filter::OfUser("alice"), "Use the newest facts");
  CAPTURE(id ? *id : id.error().message);
  REQUIRE(id);
  std::optional<json> result;
  for (int poll = 0; poll < 1000 && !result; ++poll) {
    auto answer = client.GetExport(*id);
    REQUIRE(answer);
    result = *answer;
  }
  REQUIRE(result);
  CHECK((*result)["company"] == "Initech");
  const auto unknown = client.GetExport(kNobody.Text());
  REQUIRE(unknown);
  CHECK_FALSE(*unknown);
  CHECK(client.CreateExport({}, Filter::OfUser("alice"), "").error().message ==
        "create_export: Mem0 answered 400: Schema is required and must be a valid object");
}

TEST_CASE("a user is deleted with all memories, and only that user", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  mem0.Add("ada@example.com", "Name is Ada");
  const std::string others = mem0.Add("bob", "Name is Bob");
  const auto name = GENERATE(as<std::string>{}, "", "*", "a*", ".", "..", "x/../bob", "bob\\x");
  CAPTURE(name);
  CHECK(client.DeleteUser(name).error().code == ErrorCode::kRefused);
  CHECK(client.ReadProfile(name).error().code == ErrorCode::kRefused);
  CHECK(mem0.Calls() == 0);
  const auto event = client.DeleteUser("ada@example.com");
  REQUIRE(event);
  REQUIRE_FALSE(event->empty());
  REQUIRE(mem0.WaitIdle());
  const auto operation = client.ReadOperation(*event);
  REQUIRE(operation);
  CHECK(operation->Over());
  CHECK(mem0.Truth().size() == 1);
  CHECK(mem0.Truth().contains(others));
}

TEST_CASE("a profile tells whether the project keeps them", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto profile = client.ReadProfile("alice");
  REQUIRE(profile);
  CHECK(profile->status == "not_enabled");
  CHECK(profile->profile.is_null());
  Script(mem0, 200, R"({"status":"succeeded","profile":{"company":"Initech"},"updated_at":"2026-08-01T00:00:00Z"})");
  const auto kept = client.ReadProfile("alice");
  REQUIRE(kept);
  CHECK(kept->profile["company"] == "Initech");
  CHECK(kept->updated_at == ParseRfc3339("2026-08-01T00:00:00Z"));
}

}  // namespace membridge::sync::mem0
