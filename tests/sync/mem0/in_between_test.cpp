#include "tests/support/catch.hpp"
#include "tests/sync/mem0/calling.hpp"

namespace membridge::sync::mem0 {
namespace {

/// An answer that is not Mem0's, as gateways, proxies and captive portals give them.
struct Foreign {
  int status;
  std::string body;
  std::string type = "application/json";
};

const std::vector<Foreign> kForeign = {
    {404, R"({"message":"no Route matched with those values"})"},
    {404, R"({"detail":"Not found."})"},
    {404, R"({"error":"Not Found"})"},
    {404, R"({"status":404,"error":"Not Found","path":"/v1/memories"})"},
    {404, R"({"message":"Memory not found!"})"},
    {404, R"(["Memory not found!"])"},
    {404, R"("Memory not found!")"},
    {404, "Memory not found!", "text/plain"},
    {404, "<html>Memory not found!</html>", "text/html"},
    {404, "", "text/plain"},
    {404, "{}"},
    {401, R"({"message":"No API key found in request"})"},
    {401, "<html>Sign in</html>", "text/html"},
    {403, R"({"message":"Forbidden"})"},
    {403, "<html>Blocked</html>", "text/html"},
    {405, R"({"detail":"Method \"GET\" not allowed."})"},
    {407, "", "text/plain"},
    {410, R"({"error":"Gone"})"},
    {418, "{}"},
    {451, R"({"error":"Unavailable for legal reasons"})"},
    {301, "", "text/plain"},
    {302, "", "text/html"},
    {304, "", "text/plain"},
    {500, R"({"error":"An unexpected error occurred."})"},
    {502, "<html>Bad gateway</html>", "text/html"},
    {503, "", "text/plain"},
    {504, R"({"message":"Endpoint request timed out"})"},
    {200, "", "text/plain"},
    {200, "<html>Accept the terms of this network: 00000000-0000-4000-8000-000000000000</html>", "text/html"},
    {200, "{}"},
    {200, "null"},
    {200, "[]"},
    {200, R"({"status":"ok"})"},
    {200, R"({"id":"00000000-0000-4000-8000-0000000000ff","memory":"x","created_at":"2026-01-01T00:00:00Z"})"},
    {200, R"({"id":"00000000-0000-4000-8000-000000000000","memo)"},
    {204, "", "text/plain"},
};

}  // namespace

TEST_CASE("whatever is not Mem0's own word about a memory is tried again, and nothing else", "[mem0][sim][M1]") {
  Mem0Sim mem0;
  Client::Options options = OptionsFor(mem0);
  std::vector<std::string> outcomes;
  options.observe = [&](const CallReport& report) { outcomes.emplace_back(report.outcome); };
  Client client{options, std::make_shared<CallBudget>(10'000, 10'000)};
  for (const Foreign& foreign : kForeign) {
    CAPTURE(foreign.status, foreign.body);
    outcomes.clear();
    Script(mem0, foreign.status, foreign.body, foreign.type);
    const auto read = client.ReadOne(kNobody);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == ErrorCode::kUnavailable);
    // What a broken Mem0 says of itself is Mem0's.
    const bool mem0s = foreign.status >= 500 && foreign.body.starts_with('{');
    CHECK(outcomes == std::vector<std::string>{mem0s ? "unavailable" : "in_between"});
    CHECK(client.LastFailure().in_between == !mem0s);
  }
}

TEST_CASE("no answer of somebody in between makes a list of memories, or a ping", "[mem0][sim][M1]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  for (const Foreign& foreign : kForeign) {
    CAPTURE(foreign.status, foreign.body);
    Script(mem0, foreign.status, foreign.body, foreign.type);
    const auto listed = client.ReadMany({kNobody, MemoryId{"00000000-0000-4000-8000-000000000001"}});
    // An empty array can be a list; it is never a complete one.
    if (foreign.body == "[]") {
      REQUIRE(listed);
      CHECK_FALSE(listed->complete);
    } else {
      CHECK(listed.error().code == ErrorCode::kUnavailable);
    }
    Script(mem0, foreign.status, foreign.body, foreign.type);
    CHECK(client.Ping().error().code == ErrorCode::kUnavailable);
  }
}

TEST_CASE("no refusal of somebody in between counts as Mem0's, whatever is called", "[mem0][sim][M1]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const Webhook webhook{"", "membridge", "https://bridge.example.com/webhooks/crm/secret", {"memory_add"}, true};
  const auto is_unavailable = [](const auto& answer) { return !answer && answer.error().code == ErrorCode::kUnavailable; };
  for (const Foreign& foreign : kForeign) {
    if (foreign.status < 300) continue;
    CAPTURE(foreign.status, foreign.body);
    const auto in_vain = [&](const auto& call) {
      Script(mem0, foreign.status, foreign.body, foreign.type);
      return is_unavailable(call());
    };
    CHECK(in_vain([&] { return client.GetExport("export-1"); }));
    CHECK(in_vain([&] { return client.CreateExport({{"type", "object"}}, Filter::OfUser("ada"), ""); }));
    CHECK(in_vain([&] { return client.ListEntities(1); }));
    CHECK(in_vain([&] { return client.ListEntities(2); }));
    CHECK(in_vain([&] { return client.ReadProfile("ada"); }));
    CHECK(in_vain([&] { return client.DeleteUser("ada"); }));
    CHECK(in_vain([&] { return client.ReadOperation("event-1"); }));
    CHECK(in_vain([&] { return client.DeleteWebhook("wh-1"); }));
    CHECK(in_vain([&] { return client.UpdateWebhook("wh-1", webhook); }));
    CHECK(in_vain([&] { return client.CreateWebhook(mem0.ProjectId(), webhook); }));
    CHECK(in_vain([&] { return client.ListWebhooks(mem0.ProjectId()); }));
    CHECK(in_vain([&] { return client.DeleteMemory(kNobody); }));
    CHECK(in_vain([&] { return client.ProjectHistory(2); }));
    // That there is no such memory is Mem0's word here, too.
    if (foreign.body.find("Memory not found") == std::string::npos) CHECK(in_vain([&] { return client.History(kNobody); }));
  }
}

TEST_CASE("Mem0's own words are understood, in any case and with any end", "[mem0][sim][M1]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  for (const char* body : {R"({"error":"Memory not found!"})", R"({"error":"memory not found"})",
                           R"({"error":"Memory not found.","request_id":"7"})"}) {
    CAPTURE(body);
    Script(mem0, 404, body);
    CHECK(client.ReadOne(kNobody).error().code == ErrorCode::kNotFound);
  }
  Script(mem0, 400, R"({"error":"memory_id should be a valid UUID"})");
  CHECK(client.ReadOne(kNobody).error().code == ErrorCode::kRefused);
  Script(mem0, 400, R"({"error":"Bad Request"})");
  CHECK(client.ReadOne(kNobody).error().code == ErrorCode::kUnavailable);
  Script(mem0, 401, R"({"detail":"Invalid API key. You can find your API key on the dashboard."})");
  CHECK(client.ReadOne(kNobody).error().code == ErrorCode::kUnauthorized);
  Script(mem0, 403, R"({"error":"You don't have access to this project"})");
  CHECK(client.ReadOne(kNobody).error().code == ErrorCode::kUnauthorized);
}

TEST_CASE("a list is complete only when its pages add up", "[mem0][sim][M1]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const std::string known = mem0.Add("ada", "Likes tea", nullptr, {}, false);
  const auto listed = client.ReadMany({MemoryId{known}, kNobody});
  REQUIRE(listed);
  CHECK(listed->complete);
  CHECK(listed->memories.size() == 1);
  const auto page = [](const json& count, const json& next, const json& results) {
    return json{{"count", count}, {"next", next}, {"previous", nullptr}, {"results", results}};
  };
  const json record{{"id", known}, {"memory", "x"}, {"created_at", "2026-01-01T00:00:00Z"}};
  const json stranger{{"id", "00000000-0000-4000-8000-0000000000ff"}, {"memory", "x"}, {"created_at", "2026-01-01T00:00:00Z"}};
  for (const json& odd : {page(2, nullptr, json::array({record})), page(1, nullptr, json::array()),
                          page(nullptr, nullptr, json::array({record})), page(1, nullptr, json::array({record, stranger})),
                          page(1, nullptr, json::array({record, {{"memory", "x"}}})), json::array({record})}) {
    CAPTURE(odd.dump());
    Script(mem0, 200, odd.dump());
    const auto incomplete = client.ReadMany({MemoryId{known}, kNobody});
    REQUIRE(incomplete);
    CHECK_FALSE(incomplete->complete);
  }
  // A page past the end is the end only in Mem0's words.
  mem0.SetFaults({{"next",
                   {{{"status", 200}, {"body", page(2, "?page=2", json::array({record}))}},
                    {{"status", 404}, {"body", {{"detail", "Not found."}}}}}}});
  CHECK(client.ReadMany({MemoryId{known}, kNobody}).error().code == ErrorCode::kUnavailable);
}

}  // namespace membridge::sync::mem0
