#include "tests/support/mem0_sim.hpp"

#include <algorithm>
#include <set>

#include "tests/support/catch.hpp"

namespace membridge::test {

using Json = nlohmann::json;

namespace {

const Json kEveryMemory{{"OR", {{{"user_id", "*"}}, {{"agent_id", "*"}}, {{"app_id", "*"}}, {{"run_id", "*"}}}}};

/// One page of every memory, expired and merged ones included.
Json ListAll(Mem0Sim& mem0, const std::string& query = "") {
  const auto [status, body] =
      mem0.Api("POST", "/v3/memories/" + query, {{"filters", kEveryMemory}, {"show_expired", true}, {"include_merged", true}});
  CAPTURE(body);
  REQUIRE(status == 200);
  return body;
}

}  // namespace

TEST_CASE("a memory is born, read, changed, categorised and deleted", "[mem0_sim]") {
  Mem0Sim mem0;
  const std::string id = mem0.Add("alice", "Name is Alex", {{"tier", "gold"}}, {"personal_details"});
  Json memory = mem0.Api("GET", "/v1/memories/" + id + "/").second;
  CHECK(memory["memory"] == "Name is Alex");
  CHECK(memory["user_id"] == "alice");
  CHECK(memory["metadata"] == Json{{"tier", "gold"}});
  CHECK(memory["categories"] == Json::array({"personal_details"}));
  CHECK(memory["lifecycle_state"] == "active");
  CHECK(mem0.Truth().at(id) == memory);

  mem0.Update(id, "Name is Alexandra");
  CHECK(mem0.Api("GET", "/v1/memories/" + id + "/").second["memory"] == "Name is Alexandra");
  mem0.Delete(id);
  const auto [status, body] = mem0.Api("GET", "/v1/memories/" + id + "/");
  CHECK(status == 404);
  CHECK(body == Json{{"error", "Memory not found!"}});
  CHECK(mem0.Truth().empty());
  CHECK(mem0.Calls("memories.get") == 3);
}

TEST_CASE("reads lag behind changes for as long as they are told to", "[mem0_sim]") {
  Mem0Sim mem0;
  const std::string kept = mem0.Add("alice", "old text");
  const std::string gone = mem0.Add("alice", "soon gone");
  mem0.SetFaults({{"stale_ms", 3'600'000}});
  mem0.Update(kept, "new text");
  mem0.Update(kept, "newest text");
  mem0.Delete(gone);
  const std::string added = mem0.Add("alice", "not there yet");

  CHECK(mem0.Api("GET", "/v1/memories/" + kept + "/").second["memory"] == "old text");
  CHECK(mem0.Api("GET", "/v1/memories/" + gone + "/").first == 200);
  CHECK(mem0.Api("GET", "/v1/memories/" + added + "/").first == 404);
  const Json listed = ListAll(mem0);
  REQUIRE(listed["count"] == 2);
  CHECK(listed["results"][0]["memory"] == "old text");
  CHECK(listed["results"][1]["memory"] == "soon gone");

  mem0.ClearFaults();
  CHECK(mem0.Api("GET", "/v1/memories/" + kept + "/").second["memory"] == "newest text");
  CHECK(mem0.Api("GET", "/v1/memories/" + gone + "/").first == 404);
  CHECK(ListAll(mem0)["results"][1]["id"] == added);
}

TEST_CASE("a walk over pages meets every memory, and the page past the end is refused", "[mem0_sim]") {
  Mem0Sim mem0;
  mem0.Load(10, 450, {{"metadata", {{"city", "City {u}"}}}});
  std::set<std::string> met;
  for (int page = 1; page <= 3; ++page) {
    const Json body = ListAll(mem0, "?page_size=1000&page=" + std::to_string(page));
    CHECK(body["count"] == 450);
    CHECK(body["next"].is_null() == (page == 3));
    for (const Json& memory : body["results"]) {
      met.insert(memory["id"]);
      CHECK_FALSE(memory.contains("lifecycle_state"));
    }
  }
  CHECK(met.size() == 450);
  const auto [status, body] = mem0.Api("POST", "/v3/memories/?page_size=200&page=4", {{"filters", kEveryMemory}});
  CHECK(status == 404);
  CHECK(body == Json{{"detail", "Invalid page."}});
  CHECK(mem0.Truth().size() == 450);
}

TEST_CASE("generated memories are spread over their users", "[mem0_sim]") {
  Mem0Sim mem0;
  mem0.Load(
      3, 7,
      {{"text", "{i} of {u} {x}"}, {"metadata", {{"city", "City {u}"}, {"deep", {"{i}"}}}}, {"categories", {"c{u}", "all"}}});
  const Json body = mem0.Api("POST", "/v3/memories/", {{"filters", {{"user_id", "user-1"}}}}).second;
  REQUIRE(body["count"] == 2);
  CHECK(body["results"][1]["memory"] == "4 of 1 {x}");
  CHECK(body["results"][1]["metadata"] == Json{{"city", "City 1"}, {"deep", {"4"}}});
  CHECK(body["results"][1]["categories"] == Json{"c1", "all"});
}

TEST_CASE("shuffled lists hold the same memories in another order every time", "[mem0_sim]") {
  Mem0Sim mem0;
  mem0.Load(1, 100);
  const auto order = [&] {
    std::vector<std::string> ids;
    const Json body = ListAll(mem0);
    for (const Json& memory : body["results"]) ids.push_back(memory["id"]);
    return ids;
  };
  const auto oldest_first = order();
  mem0.SetSettings({{"shuffle_pages", true}});
  auto once = order();
  auto again = order();
  CHECK(once != again);
  CHECK(std::is_permutation(once.begin(), once.end(), oldest_first.begin(), oldest_first.end()));
}

TEST_CASE("superseded, merged and expired memories are shown as documented", "[mem0_sim]") {
  Mem0Sim mem0;
  const std::string old = mem0.Add("ada", "lives in Rome");
  const std::string merged = mem0.Add("ada", "is in Rome");
  const std::string fresh = mem0.Add("ada", "lives in Oslo");
  const std::string expired = mem0.Add("ada", "is on holiday");
  mem0.Edit(old, {{"replaced_by", fresh}}, false);
  mem0.Edit(merged, {{"merged", true}}, false);
  mem0.Edit(expired, {{"expiration_date", "2020-01-01"}}, false);
  const auto ids = [&](const Json& flags) {
    Json body{{"filters", {{"user_id", "ada"}}}};
    body.update(flags);
    std::set<std::string> listed;
    const Json answer = mem0.Api("POST", "/v3/memories/", body).second;
    for (const Json& memory : answer["results"]) listed.insert(memory["id"]);
    return listed;
  };
  CHECK(ids(Json::object()) == std::set<std::string>{old, fresh});
  CHECK(ids({{"latest_only", true}}) == std::set<std::string>{fresh});
  CHECK(ids({{"include_merged", true}, {"show_expired", true}}) == std::set<std::string>{old, merged, fresh, expired});
  const auto state = [&](const std::string& id) { return mem0.Api("GET", "/v1/memories/" + id + "/").second["lifecycle_state"]; };
  CHECK(state(old) == "superseded");
  CHECK(state(merged) == "merged");
  CHECK(state(expired) == "active");
}

TEST_CASE("faults come in the share that was asked for, and spare the control plane", "[mem0_sim]") {
  Mem0Sim mem0;
  mem0.SetFaults({{"rate_limited", 0.5}, {"retry_after", "seconds"}, {"retry_after_seconds", 2}});
  for (int i = 0; i < 400; ++i) mem0.Api("GET", "/v1/ping/");
  const Json statuses = mem0.Control("GET", "/calls")["ping"]["statuses"];
  CHECK(statuses["200"].get<int>() + statuses["429"].get<int>() == 400);
  CHECK(statuses["429"].get<int>() > 140);
  CHECK(statuses["429"].get<int>() < 260);
}

TEST_CASE("a scripted answer is given once, and may come after the call took effect", "[mem0_sim]") {
  Mem0Sim mem0;
  mem0.SetFaults(
      {{"next", {{{"endpoint", "memories.add"}, {"status", 504}, {"performed", true}, {"body", {{"error", "too slow"}}}}}}});
  const Json add{{"messages", {{{"role", "user"}, {"content", "I like tea"}}}}, {"user_id", "bob"}, {"infer", false}};
  const auto [status, body] = mem0.Api("POST", "/v3/memories/add/", add);
  CHECK(status == 504);
  CHECK(body == Json{{"error", "too slow"}});
  CHECK(mem0.Truth().size() == 1);
  CHECK(mem0.Api("POST", "/v3/memories/add/", add).first == 200);
}

}  // namespace membridge::test
