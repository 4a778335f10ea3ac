#include <set>
#include <string>

#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"

namespace membridge::test {
namespace {

using Json = nlohmann::json;

/// What became of a ping: its status, or why there was none.
std::string PingOf(Mem0Sim& mem0) {
  try {
    return std::to_string(mem0.Api("GET", "/v1/ping/").first);
  } catch (const std::runtime_error& failure) {
    return failure.what();
  }
}

}  // namespace

TEST_CASE("an answer can be refused, cut off or turned into HTML", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  const auto [fault, outcome] = GENERATE(table<std::string, std::string>({
      {"rate_limited", "429"},
      {"html", "502"},
      {"reset", "GET /v1/ping/: Failure when receiving data from the peer"},
      {"lost_answer", "GET /v1/ping/: Failure when receiving data from the peer"},
      {"truncated", "GET /v1/ping/: Transferred a partial file"},
  }));
  CAPTURE(fault);
  CHECK(PingOf(mem0) == "200");
  mem0.SetFaults({{fault, 1}});
  CHECK(PingOf(mem0) == outcome);
  mem0.ClearFaults();
  CHECK(PingOf(mem0) == "200");
}

TEST_CASE("server errors are of several kinds, or of the one asked for", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.SetFaults({{"server_error", 1}});
  std::set<std::string> seen;
  for (int i = 0; i < 60; ++i) seen.insert(PingOf(mem0));
  CHECK(seen == std::set<std::string>{"500", "502", "503", "504"});
  mem0.SetFaults({{"server_error_status", 503}});
  CHECK(PingOf(mem0) == "503");
}

TEST_CASE("faults can be kept to some endpoints", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.SetFaults({{"server_error", 1}, {"server_error_status", 500}, {"endpoints", {"memories.list"}}});
  CHECK(PingOf(mem0) == "200");
  CHECK(mem0.Api("POST", "/v3/memories/", {{"filters", {{"user_id", "ada"}}}}).first == 500);
}

TEST_CASE("a revoked key is refused whatever is asked", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.SetFaults({{"unauthorized", true}});
  CHECK(PingOf(mem0) == "401");
}

TEST_CASE("more calls than allowed in a second are throttled", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.SetFaults({{"calls_per_second", 5}});
  int throttled = 0;
  for (int i = 0; i < 200 && throttled == 0; ++i) throttled += PingOf(mem0) == "429" ? 1 : 0;
  CHECK(throttled == 1);
}

TEST_CASE("a call whose answer is lost has taken effect", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.SetFaults({{"lost_answer", 1}});
  CHECK_THROWS(mem0.Api("POST", "/api/v1/webhooks/projects/proj_test/",
                        {{"name", "n"}, {"url", "https://a.example"}, {"event_types", {"memory_add"}}}));
  mem0.ClearFaults();
  CHECK(mem0.Api("GET", "/api/v1/webhooks/projects/proj_test/").second.size() == 1);
}

TEST_CASE("a wrong setting is refused and changes nothing", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  const auto [path, body] = GENERATE(table<std::string, Json>({
      {"/faults", {{"latency_ms", 5}, {"rate_limitd", 0.5}}},
      {"/faults", {{"latency_ms", 5}, {"rate_limited", 5}}},
      {"/faults", {{"latency_ms", 5}, {"retry_after", "soon"}}},
      {"/delivery", {{"delay_ms", 5}, {"loss", -1}}},
      {"/delivery", {{"delay_ms", 5}, {"concurrency", 0}}},
      {"/settings", {{"infer_ms", 5}, {"next_links", "sideways"}}},
      {"/settings", {{"infer_ms", 5}, {"unknown", true}}},
  }));
  CAPTURE(body);
  const Json before = mem0.Control("GET", path);
  CHECK_THROWS(mem0.Control("PUT", path, body));
  CHECK(mem0.Control("GET", path) == before);
}

TEST_CASE("links to the next page can be relative, or lead elsewhere", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.Load(1, 3);
  const auto next = [&](const char* kind) {
    mem0.SetSettings({{"next_links", kind}});
    return mem0.Api("POST", "/v3/memories/?page_size=1", {{"filters", {{"user_id", "*"}}}}).second["next"].get<std::string>();
  };
  CHECK(next("absolute") == mem0.BaseUrl() + "/v3/memories/?page=2&page_size=1");
  CHECK(next("relative") == "/v3/memories/?page=2&page_size=1");
  CHECK(next("foreign") == "https://elsewhere.example/v3/memories/?page=2&page_size=1");
}

TEST_CASE("an entity list can be paged or bare", "[mem0_sim][faults]") {
  Mem0Sim mem0;
  mem0.Load(7, 7);
  mem0.SetSettings({{"entities_page_size", 5}});
  Json body = mem0.Api("GET", "/v1/entities/").second;
  CHECK(body["results"].size() == 5);
  CHECK(body["next"] == mem0.BaseUrl() + "/v1/entities/?page=2&page_size=5");
  CHECK(body["total_users"] == 7);
  mem0.SetSettings({{"entities_bare", true}});
  CHECK(mem0.Api("GET", "/v1/entities/").second.size() == 7);
}

}  // namespace membridge::test
