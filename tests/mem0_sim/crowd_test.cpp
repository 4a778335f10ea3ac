#include "tests/mem0_sim/crowd.hpp"

#include <set>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"

namespace membridge::mem0_sim {
namespace {

using nlohmann::json;

Query AskingCrowd(const json& filters) {
  auto filter = Filter::Parse(filters);
  REQUIRE(filter);
  return {std::move(*filter), filters.dump()};
}

const json kEverybody{{"OR", json::array({json{{"user_id", "*"}}, json{{"agent_id", "*"}}})}};

}  // namespace

TEST_CASE("a generated memory follows from its number, and its number from its id", "[mem0_sim]") {
  Crowd crowd;
  REQUIRE(crowd.Set({{"users", 10}, {"memories", 1'000'000}, {"text", "Fact {i} of {u}"}}, Instant{}));
  std::set<std::string> ids;
  for (std::size_t number = 0; number < 1'000'000; number += 997) {
    const Uuid id = crowd.IdOf(number);
    ids.insert(id.Text());
    REQUIRE(crowd.NumberOf(id) == number);
  }
  CHECK(ids.size() == 1004);
  CHECK(ids.begin()->substr(0, 1) != ids.rbegin()->substr(0, 1));  // spread, not in a row
  CHECK_FALSE(crowd.NumberOf(crowd.IdOf(1'000'000)));
  CHECK_FALSE(crowd.NumberOf(*Uuid::Parse("12345678-1234-4234-8234-123456789012")));
  crowd.Show(123'456, [](const Memory& memory) {
    CHECK(*memory.text == "Fact 123456 of 6");
    CHECK(memory.Owner(EntityType::kUser)->name == "user-6");
  });
}

TEST_CASE("a crowd is chosen from by ids, by user, and else as one", "[mem0_sim]") {
  Crowd crowd;
  REQUIRE(crowd.Set({{"users", 7}, {"memories", 100}}, *ParseRfc3339("2026-03-01T00:00:00Z")));
  CHECK(crowd.Choose(AskingCrowd(kEverybody)).size == 100);
  CHECK(crowd.Choose(AskingCrowd(kEverybody)).number_at(42) == 42);
  const auto of_user = crowd.Choose(AskingCrowd({{"user_id", "user-2"}}));
  CHECK(of_user.size == 14);  // 2, 9, … 93
  CHECK(of_user.number_at(13) == 93);
  CHECK(crowd.Choose(AskingCrowd({{"user_id", "nobody"}})).size == 0);
  const auto since = [](const char* time) {
    return AskingCrowd({{"AND", json::array({kEverybody, json{{"updated_at", {{"gte", time}}}}})}});
  };
  CHECK(crowd.Choose(since("2026-02-28T00:00:00Z")).size == 100);
  CHECK(crowd.Choose(since("2026-03-02T00:00:00Z")).size == 0);
  const json ids = json::array({crowd.IdOf(5).Text(), crowd.IdOf(3).Text(), crowd.IdOf(5).Text(), crowd.IdOf(100).Text()});
  const auto by_id = crowd.Choose(AskingCrowd({{"AND", json::array({kEverybody, json{{"memory_ids", ids}}})}}));
  REQUIRE(by_id.size == 2);
  CHECK(by_id.number_at(0) == 3);
  CHECK_FALSE(crowd.Set({{"users", 0}, {"memories", 1}}, Instant{}));
}

TEST_CASE("a crowd is listed behind the stored memories and read by id", "[mem0_sim]") {
  test::Mem0Sim mem0;
  mem0.Add("ada", "stored");
  mem0.SetCrowd(3, 250, {{"text", "Fact {i}"}});
  std::set<std::string> ids;
  for (int page = 1; page <= 3; ++page) {
    const auto [status, body] =
        mem0.Api("POST", "/v3/memories/?page=" + std::to_string(page) + "&page_size=100", {{"filters", kEverybody}});
    REQUIRE(status == 200);
    CHECK(body.at("count") == 251);
    for (const json& record : body.at("results")) ids.insert(record.at("id").get<std::string>());
  }
  CHECK(ids.size() == 251);
  Crowd same;
  REQUIRE(same.Set({{"users", 3}, {"memories", 250}}, Instant{}));
  const auto [status, body] = mem0.Api("GET", "/v1/memories/" + same.IdOf(249).Text() + "/");
  CHECK(status == 200);
  CHECK(body.at("memory") == "Fact 249");
  CHECK(body.at("user_id") == "user-0");
  CHECK(mem0.Api("GET", "/v1/memories/" + same.IdOf(250).Text() + "/").first == 404);
}

}  // namespace membridge::mem0_sim
