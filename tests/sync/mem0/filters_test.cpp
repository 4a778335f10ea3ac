#include "sync/mem0/filters.hpp"

#include <stdexcept>

#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {
namespace {

using nlohmann::json;

const json kMatchAll = json::parse(R"({"OR":[{"user_id":"*"},{"agent_id":"*"},{"app_id":"*"},{"run_id":"*"}]})");

}  // namespace

TEST_CASE("everything means memories of users, agents, apps and runs", "[mem0]") {
  CHECK(Filter::Everything().Document() == json{{"AND", json::array({kMatchAll})}});
}

TEST_CASE("what narrows a filter stands beside the match-all, inside one AND", "[mem0]") {
  const Instant from = *ParseRfc3339("2026-07-01T00:00:00Z");
  const Instant to = *ParseRfc3339("2026-07-02T12:30:00.5+02:00");
  const json document = Filter::Everything()
                            .Among({MemoryId{"a"}, MemoryId{"b"}})
                            .UpdatedFrom(from)
                            .UpdatedBefore(to)
                            .CreatedFrom(from)
                            .CreatedBefore(to)
                            .Document();
  CHECK(document == json{{"AND", json::array({kMatchAll,
                                              {{"memory_ids", {"a", "b"}}},
                                              {{"updated_at", {{"gte", "2026-07-01T00:00:00.000000Z"}}}},
                                              {{"updated_at", {{"lt", "2026-07-02T10:30:00.500000Z"}}}},
                                              {{"created_at", {{"gte", "2026-07-01T00:00:00.000000Z"}}}},
                                              {{"created_at", {{"lt", "2026-07-02T10:30:00.500000Z"}}}}})}});
  for (const json& condition : document["AND"]) CHECK(condition.size() == 1);  // nothing beside an OR, where Mem0 would drop it
}

TEST_CASE("one user's memories are asked for in the operator form that exports need", "[mem0]") {
  CHECK(Filter::OfUser("alice").Document() == json::parse(R"({"AND":[{"user_id":"alice"}]})"));
}

TEST_CASE("a filter for one user is never one for everybody", "[mem0]") {
  CHECK_THROWS_AS(Filter::OfUser("*"), std::invalid_argument);
  CHECK_THROWS_AS(Filter::OfUser("a*"), std::invalid_argument);
  CHECK_THROWS_AS(Filter::OfUser(""), std::invalid_argument);
}

}  // namespace membridge::sync::mem0
