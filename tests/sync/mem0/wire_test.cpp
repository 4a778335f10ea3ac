#include <atomic>
#include <functional>
#include <thread>

#include "tests/support/catch.hpp"
#include "tests/sync/mem0/calling.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("ping tells the project, and a wrong key is told apart", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto account = client.Ping();
  REQUIRE(account);
  CHECK(account->project_id == mem0.ProjectId());

  Client::Options options = OptionsFor(mem0);
  options.api_key = "m0-somebody-else";
  Client stranger{options, nullptr};
  const auto refused = stranger.Ping();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnauthorized);
  CHECK(refused.error().message.starts_with("ping: Mem0 answered 401: Invalid API key."));
  CHECK(refused.error().message.find("m0-somebody-else") == std::string::npos);
  CHECK(stranger.LastFailure().status == 401);
}

TEST_CASE("what a proxy says in Mem0's place is never an answer about a memory", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto [status, body, type] = GENERATE(table<int, std::string, std::string>({
      {404, "<html>Not here</html>", "text/html"},
      {404, "", "text/plain"},
      {403, "<html>Blocked: Ada likes tea</html>", "text/html"},
      {502, "<html>Bad gateway</html>", "text/html"},
      {200, "<html>Please sign in</html>", "text/html"},
      {200, "", "text/plain"},
      {301, "", "text/plain"},
      {402, R"({"detail":"Pay first"})", "application/json"},
      {413, R"({"detail":"Quota exceeded"})", "application/json"},
      {408, "{}", "application/json"},
      {500, R"({"error":"invalid input: Ada likes tea"})", "application/json"},
  }));
  CAPTURE(status, body);
  for (const bool one : {true, false}) {
    Script(mem0, status, body, type);
    const Error error = one ? client.ReadOne(kNobody).error() : client.ReadMany({kNobody, kNobody}).error();
    CHECK(error.code == ErrorCode::kUnavailable);
    CHECK((error.message + error.hint).find("Ada") == std::string::npos);
  }
}

TEST_CASE("a redirect is not followed, so the key stays with Mem0", "[mem0][sim]") {
  Mem0Sim mem0, elsewhere;
  Client client = ClientFor(mem0);
  const int status = GENERATE(301, 302, 307, 308);
  Script(mem0, status, "", "text/plain", {{"Location", elsewhere.BaseUrl() + "/v1/ping/"}});
  const auto refused = client.Ping();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  CHECK(elsewhere.Calls() == 0);
}

TEST_CASE("answers cut off, never given or refused on the line are to be tried again", "[mem0][sim]") {
  Mem0Sim mem0;
  Client::Options options = OptionsFor(mem0);
  options.timeout = 300ms;
  Client client{options, nullptr};
  mem0.Add("alice", "Name is Alex");
  const auto fault = GENERATE(as<std::string>{}, "reset", "truncated", "never", "lost_answer");
  CAPTURE(fault);
  mem0.SetFaults({{fault, 1}});
  const auto failed = client.ListMemories(Filter::Everything(), 1);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ErrorCode::kUnavailable);
  CHECK(failed.error().message.starts_with("list_memories: no answer from http:127.0.0.1:"));
  mem0.ClearFaults();
  CHECK(client.ListMemories(Filter::Everything(), 1)->memories.size() == 1);
}

TEST_CASE("nobody listening is to be tried again", "[mem0][sim]") {
  std::string base_url;
  {
    const Mem0Sim mem0;
    base_url = mem0.BaseUrl();
  }
  Client::Options options;
  options.base_url = base_url;
  options.api_key = "m0-key";
  Client client{options, nullptr};
  CHECK(client.Ping().error().code == ErrorCode::kUnavailable);
}

TEST_CASE("an answer larger than allowed is given up", "[mem0][sim]") {
  Mem0Sim mem0;
  Client::Options options = OptionsFor(mem0);
  options.largest_answer = 100'000;
  Client client{options, nullptr};
  Script(mem0, 200, "[" + std::string(99'998, ' ') + "]");
  CHECK(client.ReadMany({kNobody, kNobody}));
  Script(mem0, 200, "[" + std::string(99'999, ' ') + "]");
  const auto refused = client.ReadMany({kNobody, kNobody});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(refused.error().message == "list_memories: the answer is larger than 100000 bytes");
}

TEST_CASE("Retry-After is told in each of its forms, and holds back every client of the budget", "[mem0][sim]") {
  Mem0Sim mem0;
  const auto budget = std::make_shared<CallBudget>(100, 100);
  Client client{OptionsFor(mem0), budget};
  const auto form = GENERATE(as<std::string>{}, "absent", "seconds", "date");
  CAPTURE(form);
  mem0.SetFaults({{"rate_limited", 1}, {"retry_after", form}, {"retry_after_seconds", 60}});
  const auto refused = client.Ping();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kUnavailable);
  REQUIRE(client.RetryAfter());
  CHECK(*client.RetryAfter() > 55s);
  CHECK(*client.RetryAfter() <= 62s);
  CHECK(budget->PerSecond() == 50);

  Client other{OptionsFor(mem0), budget};
  mem0.ResetCalls();
  const auto held = other.Ping();
  REQUIRE_FALSE(held);
  CHECK(held.error().code == ErrorCode::kUnavailable);
  CHECK(*other.RetryAfter() > 55s);
  CHECK(mem0.Calls() == 0);
}

TEST_CASE("a call is tried as often as allowed, and one that creates only when Mem0 did nothing", "[mem0][sim]") {
  Mem0Sim mem0;
  Client::Options options = OptionsFor(mem0);
  options.tries = 5;
  std::vector<std::string> outcomes;
  options.observe = [&](const CallReport& report) {
    outcomes.push_back(std::string{report.name} + " " + std::string{report.outcome});
  };
  Client client{options, std::make_shared<CallBudget>(10'000, 10'000)};
  const json twice_down{{"next", {{{"status", 503}, {"body", "{}"}, {"times", 2}}}}};
  mem0.SetFaults(twice_down);
  CHECK(client.Ping());
  CHECK(outcomes == std::vector<std::string>{"ping unavailable", "ping unavailable", "ping ok"});

  mem0.SetFaults(twice_down);
  CHECK_FALSE(client.CreateExport({{"type", "object"}}, Filter::OfUser("alice"), ""));
  CHECK(mem0.Calls("exports.create") == 1);

  mem0.ClearFaults();
  mem0.ResetCalls();
  mem0.SetFaults({{"next", {{{"status", 429}, {"body", "{}"}, {"times", 2}}}}});
  CHECK(client.CreateExport({{"type", "object"}}, Filter::OfUser("alice"), ""));
  CHECK(mem0.Calls("exports.create") == 3);
}

TEST_CASE("a client that is told to stop gives up what it waits for", "[mem0][sim]") {
  Mem0Sim mem0;
  std::atomic<bool> stop{false};
  Client::Options options = OptionsFor(mem0);
  options.timeout = 1h;
  options.stop = [&stop] { return stop.load(); };
  Client client{options, nullptr};
  mem0.SetFaults({{"never", 1}});
  std::optional<Error> error;
  std::jthread caller{[&] { error = client.Ping().error(); }};
  while (mem0.Calls("ping") == 0) std::this_thread::yield();
  stop = true;
  caller.join();
  REQUIRE(error);
  CHECK(error->message == "ping: stopping");
}

TEST_CASE("the connection is kept between calls", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  mem0.SetFaults({{"latency_ms", 0}});
  for (int i = 0; i < 50; ++i) REQUIRE(client.Ping());
  CHECK(mem0.Calls("ping") == 50);
}

TEST_CASE("what creates goes over a fresh connection, so that a connection that dies does not make two", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  REQUIRE(client.Ping());  // there is a kept connection now, over which libcurl would send again by itself
  const auto [endpoint, create] = GENERATE(table<std::string, std::function<bool(Client&, Mem0Sim&)>>({
      {"exports.create",
       [](Client& c, Mem0Sim&) {
         return c.CreateExport({{"type", "object"}}, Filter::OfUser("alice"), "").has_value();
       }},
      {"webhooks.create",
       [](Client& c, Mem0Sim& sim) {
         return c.CreateWebhook(sim.ProjectId(), {"", "membridge", "https://b.example/x", {"memory_add"}, true}).has_value();
       }},
      {"memories.add", [](Client& c, Mem0Sim&) { return c.AddMemory("canary", "membridge-canary", {}).has_value(); }},
  }));
  CAPTURE(endpoint);
  const auto fault = GENERATE(as<std::string>{}, "lost_answer", "reset");
  CAPTURE(fault);
  mem0.ResetCalls();
  mem0.SetFaults({{fault, 1}, {"endpoints", {endpoint}}});
  CHECK_FALSE(create(client, mem0));
  CHECK(client.LastFailure().status == 0);
  CHECK(mem0.Calls(endpoint) == 1);

  mem0.ClearFaults();
  CHECK(client.Ping());
  CHECK(create(client, mem0));
  CHECK(mem0.Calls(endpoint) == 2);
}

}  // namespace membridge::sync::mem0
