#include "tests/mem0_sim/filter.hpp"

#include "tests/support/catch.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

/// Two memories, so that a filter that lets everything through is noticed: Ada's, with everything set, and a nameless agent's.
struct Sample {
  Entity ada{EntityType::kUser, "ada", 1, {}, {}, {}};
  Entity bot{EntityType::kAgent, "bot", 2, {}, {}, {}};
  Memory hers;
  Memory its;

  Sample() {
    hers.id = *Uuid::Parse("11111111-1111-4111-8111-111111111111");
    hers.text = std::make_shared<const std::string>("Ada likes Budget airlines");
    hers.owners[0] = &ada;
    hers.metadata = R"({"tier":"gold","tags":["a","b"],"note":"likes tea","age":7})";
    hers.categories = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"travel", "personal_details"});
    hers.created_at = *ParseRfc3339("2026-03-01T09:00:00Z");
    hers.updated_at = *ParseRfc3339("2026-07-01T00:00:00Z");
    hers.expires_on = ParseDay("2026-12-31");
    its.id = *Uuid::Parse("22222222-2222-4222-8222-222222222222");
    its.text = std::make_shared<const std::string>("The agent is polite");
    its.owners[1] = &bot;
    its.created_at = its.updated_at = *ParseRfc3339("2026-01-01T00:00:00Z");
  }

  /// `hers`, `its`, `both` or `none`; or the rule that was broken.
  std::string Found(const Json& json) const {
    const auto filter = Filter::Parse(json);
    if (!filter) return filter.error();
    const bool first = filter->Matches(hers);
    const bool second = filter->Matches(its);
    return first && second ? "both" : first ? "hers" : second ? "its" : "none";
  }
};

std::string FoundFilter(const std::string& text) {
  return Sample{}.Found(Json::parse(text));
}

}  // namespace

TEST_CASE("a filter finds what the documentation says it finds", "[mem0_sim][filter]") {
  const auto [filter, found] = GENERATE(table<std::string, std::string>({
      {R"({"user_id":"ada"})", "hers"},
      {R"({"user_id":"*"})", "hers"},
      {R"({"user_id":{"in":["ada","bob"]}})", "hers"},
      {R"({"user_id":{"ne":"bob"}})", "both"},  // ne holds for null too
      {R"({"user_id":{"ne":"ada"}})", "its"},
      {R"({"AND":[{"user_id":"*"},{"user_id":{"ne":"ada"}}]})", "none"},
      {R"({"AND":[{"user_id":"ada"},{"agent_id":"bot"}]})", "none"},
      {R"({"OR":[{"user_id":"ada"},{"agent_id":"bot"}]})", "both"},
      {R"({"OR":[{"user_id":"*"},{"agent_id":"*"},{"app_id":"*"},{"run_id":"*"}]})", "both"},
      {R"({"user_id":"ada","agent_id":"bot"})", "none"},                    // side by side: all must hold
      {R"({"AND":[{"agent_id":"bot"}],"OR":[{"user_id":"ada"}]})", "its"},  // the OR is dropped without a word
      {R"({"NOT":[{"user_id":"ada"}]})", "its"},
      {R"({"NOT":[{"user_id":"ada"},{"agent_id":"bot"}]})", "none"},
      {R"({"NOT":{"categories":{"in":["travel"]}}})", "its"},
      {R"({"created_at":{"gte":"2026-03-01"}})", "hers"},
      {R"({"created_at":{"gt":"2026-03-01T09:00:00Z"}})", "none"},
      {R"({"created_at":{"gte":"2026-03-01T01:00:00-08:00"}})", "hers"},  // the same instant
      {R"({"created_at":{"gte":"2026-03-01T09:00:00"}})", "hers"},        // without offset: UTC
      {R"({"updated_at":{"gte":"2026-01-01","lt":"2026-07-01"}})", "its"},
      {R"({"updated_at":"2026-07-01"})", "hers"},
      {R"({"updated_at":{"ne":"2026-07-01"}})", "its"},
      {R"({"timestamp":{"in":["2026-01-01"]}})", "its"},
      {R"({"expiration_date":{"lte":"2027-01-01"}})", "hers"},
      {R"({"expiration_date":{"ne":"2026-12-31"}})", "its"},
      {R"({"categories":{"in":["travel","food"]}})", "hers"},
      {R"({"categories":{"contains":"personal"}})", "hers"},
      {R"({"categories":{"contains":"food"}})", "none"},
      {R"({"metadata":{"tier":"gold"}})", "hers"},
      {R"({"metadata":{"tier":{"eq":"gold"}}})", "hers"},
      {R"({"metadata":{"tier":{"ne":"gold"}}})", "its"},
      {R"({"metadata":{"tier":{"ne":"tin"}}})", "both"},
      {R"({"metadata":{"note":{"contains":"tea"}}})", "hers"},
      {R"({"metadata":{"tags":{"contains":"b"}}})", "hers"},
      {R"({"metadata":{"age":7}})", "hers"},
      {R"({"metadata":{"age":"7"}})", "none"},
      {R"({"keywords":{"icontains":"budget"}})", "hers"},
      {R"({"keywords":{"contains":"budget"}})", "none"},
      {R"({"text":{"contains":"agent"}})", "its"},
      {R"({"memory_ids":["22222222-2222-4222-8222-222222222222"]})", "its"},
      {R"({"memory_ids":[]})", "none"},
  }));
  CAPTURE(filter);
  CHECK(FoundFilter(filter) == found);
}

TEST_CASE("a filter that breaks a rule is refused with the rule", "[mem0_sim][filter]") {
  const auto [filter, rule] = GENERATE(table<std::string, std::string>({
      {R"({"created_at":{"eq":"2026-01-01"}})",
       "Operator 'eq' is not supported for field 'created_at'. Supported operators: a value, gt, gte, lt, lte, ne, in."},
      {R"({"categories":{"eq":"travel"}})",
       "Operator 'eq' is not supported for field 'categories'. Supported operators: in, contains."},
      {R"({"categories":{"ne":"travel"}})",
       "Operator 'ne' is not supported for field 'categories'. Supported operators: in, contains."},
      {R"({"metadata":{"tier":{"in":["gold"]}}})",
       "Operator 'in' is not supported for field 'metadata'. Supported operators: a value, eq, ne, contains."},
      {R"({"metadata":{"age":{"gt":3}}})",
       "Operator 'gt' is not supported for field 'metadata'. Supported operators: a value, eq, ne, contains."},
      {R"({"user_id":{"nin":["ada"]}})",
       "Operator 'nin' is not supported for field 'user_id'. Supported operators: a value, in, ne, \"*\"."},
      {R"({"keywords":{"in":["tea"]}})", "Field 'keywords' takes strings."},
      {R"({"created_at":{"gte":"yesterday"}})", "Field 'created_at' takes ISO 8601 dates and times."},
      {R"({"memory_ids":["mem_1"]})", "memory_ids should be valid UUIDs."},
      {R"({"memory_ids":"x"})", "Field 'memory_ids' needs a list here."},
      {R"({"AND":{"user_id":"ada"}})", "'AND' takes a list of conditions."},
      {R"({"AND":[]})", "'AND' takes a list of conditions."},
      {R"({"AND":[{}]})", "A filter must be a non-empty object."},
      {R"({})", "A filter must be a non-empty object."},
      {R"([])", "A filter must be a non-empty object."},
      {R"({"user_id":null})", "Field 'user_id' takes strings."},
  }));
  CAPTURE(filter);
  CHECK(FoundFilter(filter) == rule);
}

TEST_CASE("an unknown key is refused at every depth", "[mem0_sim][filter]") {
  const std::string filter =
      GENERATE(R"({"userId":"ada"})", R"({"AND":[{"OR":[{"userId":"ada"}]}]})", R"({"NOT":{"userId":"ada"}})");
  CAPTURE(filter);
  CHECK(FoundFilter(filter) ==
        "Invalid filter key 'userId'. Allowed keys: AND, OR, NOT, user_id, agent_id, app_id, run_id, created_at, updated_at, "
        "timestamp, "
        "expiration_date, text, categories, metadata, keywords_search, memory_ids, keywords.");
}

TEST_CASE("only a positive condition on an entity counts as naming one", "[mem0_sim][filter]") {
  const auto [filter, named] = GENERATE(table<std::string, bool>({
      {R"({"user_id":"ada"})", true},
      {R"({"run_id":"*"})", true},
      {R"({"app_id":{"in":["x"]}})", true},
      {R"({"AND":[{"OR":[{"agent_id":"*"}]},{"created_at":{"gte":"2026-01-01"}}]})", true},
      {R"({"user_id":{"ne":"ada"}})", false},
      {R"({"NOT":[{"user_id":"ada"}]})", false},
      {R"({"categories":{"in":["x"]}})", false},
  }));
  CAPTURE(filter);
  CHECK(Filter::Parse(Json::parse(filter))->NamesEntity() == named);
}

TEST_CASE("a filter knows when only some memories can match", "[mem0_sim][filter]") {
  const auto by_id =
      Filter::Parse(Json::parse(R"({"AND":[{"OR":[{"user_id":"*"}]},{"memory_ids":["11111111-1111-4111-8111-111111111111"]}]})"));
  REQUIRE(by_id->OnlyIds());
  CHECK(by_id->OnlyIds()->size() == 1);
  const auto by_entity = Filter::Parse(Json::parse(R"({"AND":[{"user_id":"ada"}]})"));
  REQUIRE(by_entity->OnlyEntity());
  CHECK(by_entity->OnlyEntity()->second == "ada");
  const auto either = Filter::Parse(Json::parse(R"({"OR":[{"user_id":"ada"},{"agent_id":"bot"}]})"));
  CHECK_FALSE(either->OnlyEntity());
  const auto neither = Filter::Parse(Json::parse(R"({"NOT":[{"memory_ids":["11111111-1111-4111-8111-111111111111"]}]})"));
  CHECK_FALSE(neither->OnlyIds());
}

TEST_CASE("the entities an export is about are found in flat and operator form", "[mem0_sim][filter]") {
  using Named = std::vector<std::pair<EntityType, std::string>>;
  CHECK(EntitiesNamedIn(Json::parse(R"({"user_id":"ada"})")) == Named{{EntityType::kUser, "ada"}});
  CHECK(EntitiesNamedIn(Json::parse(R"({"AND":[{"run_id":"r"},{"created_at":{"gte":"2024-01-01"}}]})")) ==
        Named{{EntityType::kRun, "r"}});
  CHECK(EntitiesNamedIn(Json{}).empty());
}

}  // namespace membridge::mem0_sim
