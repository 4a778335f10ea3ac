#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "sync/mem0/client.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"

namespace membridge::sync::mem0 {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::Mem0Sim;

Client::Options OptionsFor(const Mem0Sim& mem0) {
  Client::Options options;
  options.base_url = mem0.BaseUrl() + "/";  // a slash at the end is a common slip and does no harm
  options.api_key = mem0.ApiKey();
  options.timeout = 10s;
  return options;
}

Client ClientFor(const Mem0Sim& mem0) {
  return Client{OptionsFor(mem0), std::make_shared<CallBudget>(10'000, 10'000)};
}

/// The next call gets this answer instead of Mem0's.
void Script(Mem0Sim& mem0, int status, const std::string& body, const std::string& type = "application/json",
            const json& headers = json::object()) {
  mem0.SetFaults({{"next", {{{"status", status}, {"body", body}, {"content_type", type}, {"headers", headers}}}}});
}

std::set<std::string> IdsOf(const std::vector<mappings::Memory>& memories) {
  std::set<std::string> ids;
  for (const mappings::Memory& memory : memories) ids.insert(memory.id.Text());
  return ids;
}

const MemoryId kNobody{"00000000-0000-4000-8000-000000000000"};

}  // namespace

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

TEST_CASE("many memories are read in one call, expired, merged and agents' ones included", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const std::string plain = mem0.Add("alice", "Name is Alex", {{"tier", "gold"}}, {"personal_details"});
  const std::string expired = mem0.Add("alice", "On holiday");
  mem0.Edit(expired, {{"expiration_date", "2020-01-01"}});
  const std::string merged = mem0.Add("bob", "Likes tea");
  mem0.Edit(merged, {{"merged", true}});
  const auto [status, added] =
      mem0.Api("POST", "/v3/memories/add/",
               {{"messages", {{{"role", "user"}, {"content", "I sell"}}}}, {"agent_id", "seller"}, {"infer", false}});
  REQUIRE(status == 200);
  const std::string agents = added["results"][0]["id"];
  mem0.Add("alice", "Nobody asked for this one");

  mem0.ResetCalls();
  const auto read = client.ReadMany({MemoryId{plain}, MemoryId{expired}, MemoryId{merged}, MemoryId{agents}, kNobody});
  REQUIRE(read);
  CHECK(IdsOf(*read) == std::set{plain, expired, merged, agents});
  CHECK(mem0.Calls() == 1);
  const auto found = std::find_if(read->begin(), read->end(), [&](const auto& m) { return m.id.Text() == plain; });
  CHECK(found->record["text"] == "Name is Alex");
  CHECK(found->record["metadata"]["tier"] == "gold");
  CHECK(found->user_id == "alice");
}

TEST_CASE("two hundred ids fit one call, more do not, and only ids are asked for", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  mem0.Load(10, 200);
  std::vector<MemoryId> ids;
  for (const auto& [id, _] : mem0.Truth()) ids.emplace_back(id);
  mem0.ResetCalls();
  const auto read = client.ReadMany(ids);
  REQUIRE(read);
  CHECK(read->size() == 200);
  CHECK(mem0.Calls() == 1);

  ids.push_back(kNobody);
  CHECK(client.ReadMany(ids).error().code == ErrorCode::kRefused);
  CHECK(client.ReadMany({MemoryId{"not-a-uuid"}}).error().code == ErrorCode::kRefused);
  CHECK(client.ReadMany({})->empty());
  CHECK(mem0.Calls() == 1);
}

TEST_CASE("a read that a server splits into pages is put together, and what was not asked for is dropped", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto record = [](char digit) {
    return json{{"id", "00000000-0000-4000-8000-00000000000" + std::string{digit}},
                {"memory", "x"},
                {"created_at", "2026-01-01T00:00:00Z"}};
  };
  const auto page = [](const json& records, const json& next) {
    return json{{"status", 200}, {"body", json{{"count", 3}, {"next", next}, {"previous", nullptr}, {"results", records}}}};
  };
  mem0.SetFaults({{"next",
                   {page({record('1'), record('7')}, "?page=2"), page({record('1'), record('2')}, "?page=3"),
                    page(json::array({record('3')}), nullptr)}}});
  const auto read =
      client.ReadMany({MemoryId{record('1')["id"]}, MemoryId{record('2')["id"]}, MemoryId{record('3')["id"]}, kNobody});
  REQUIRE(read);
  REQUIRE(read->size() == 3);
  CHECK((*read)[0].id.Text() == record('1')["id"]);
  CHECK((*read)[2].id.Text() == record('3')["id"]);
}

TEST_CASE("one bad record in a page leaves the others, and the single read says what is wrong with it", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const std::string good = mem0.Add("alice", "Name is Alex");
  const std::string bad = "00000000-0000-4000-8000-000000000001";
  const auto broken =
      GENERATE_COPY(as<std::string>{}, R"({"id":")" + bad + R"(","memory":"\ud800","created_at":"2026-01-01T00:00:00Z"})",
                    R"({"id":")" + bad + R"(","memory":17,"created_at":"2026-01-01T00:00:00Z"})",
                    R"({"id":")" + bad + R"(","memory":"Ada likes tea"})");
  CAPTURE(broken);
  Script(mem0, 200,
         R"({"count":2,"next":null,"results":[)" + broken + R"(,{"id":")" + good +
             R"(","memory":"m","created_at":"2026-01-01T00:00:00Z"}]})");
  const auto read = client.ReadMany({MemoryId{bad}, MemoryId{good}});
  REQUIRE(read);
  CHECK(IdsOf(*read) == std::set{good});

  Script(mem0, 200, broken);
  const auto single = client.ReadOne(MemoryId{bad});
  REQUIRE_FALSE(single);
  CHECK(single.error().code == ErrorCode::kRowRejected);
  CHECK(single.error().message.find("Ada") == std::string::npos);
}

TEST_CASE("a single read tells gone, no id and not now apart", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const std::string id = mem0.Add("alice", "Name is Alex");
  const auto read = client.ReadOne(MemoryId{id});
  REQUIRE(read);
  CHECK(read->record["memory"] == "Name is Alex");
  mem0.Delete(id);
  CHECK(client.ReadOne(MemoryId{id}).error().code == ErrorCode::kNotFound);
  CHECK(client.ReadOne(MemoryId{"12345678-90gh-ijkl-mnop-qrstuvwxyz01"}).error().code == ErrorCode::kRefused);
  CHECK(client.ReadOne(MemoryId{"12345678-90gh-ijkl-mnop-qrstuvwxyz01"}).error().message ==
        "read_memory: Mem0 answered 400: memory_id should be a valid UUID");
}

TEST_CASE("an id that could lead to another address never leaves the machine", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto id = GENERATE(as<std::string>{}, "", ".", "..", "../v1/ping", "a/history", "a%2Fb", "a?b", "a#b", "a b", "a\r\nX: y",
                           std::string("a\0b", 3), std::string(200, 'a'), "\xC3\xA9");
  CAPTURE(id);
  CHECK(client.ReadOne(MemoryId{id}).error().code == ErrorCode::kRefused);
  CHECK(client.History(MemoryId{id}).error().code == ErrorCode::kRefused);
  CHECK(client.DeleteMemory(MemoryId{id}).error().code == ErrorCode::kRefused);
  CHECK(mem0.Calls() == 0);
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

TEST_CASE("a list that does not exist is not an empty list", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  Script(mem0, 404, R"({"detail":"Not found."})");
  CHECK(client.ReadMany({kNobody, kNobody}).error().code == ErrorCode::kUnavailable);
  Script(mem0, 200, R"({"detail":"fine"})");
  CHECK(client.ListMemories(Filter::Everything(), 1).error().code == ErrorCode::kUnavailable);
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

TEST_CASE("a walk over all pages sees every memory, whatever the links say", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  mem0.Load(7, 450);
  const auto links = GENERATE(as<std::string>{}, "absolute", "relative", "foreign");
  CAPTURE(links);
  mem0.SetSettings({{"next_links", links}, {"shuffle_pages", false}});
  std::set<std::string> seen;
  int page = 1;
  for (;; ++page) {
    const auto listed = client.ListMemories(Filter::Everything(), page);
    REQUIRE(listed);
    CHECK(listed->count == 450);
    CHECK(listed->unreadable.empty());
    CHECK(listed->leads_elsewhere == (links == "foreign" && !listed->last));
    for (const auto& memory : listed->memories) seen.insert(memory.id.Text());
    if (listed->last) break;
  }
  CHECK(page == 3);
  CHECK(seen.size() == 450);
  const auto beyond = client.ListMemories(Filter::Everything(), 9);
  REQUIRE(beyond);
  CHECK(beyond->memories.empty());
  CHECK(beyond->last);
}

TEST_CASE("a window of updated_at lists what changed in it", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const std::string before = mem0.Add("alice", "before");
  mem0.Advance(1h);
  const std::string within = mem0.Add("alice", "within");
  const auto start = client.ReadOne(MemoryId{within})->updated_at;
  mem0.Advance(1h);
  const std::string after = mem0.Add("bob", "after");
  const auto end = client.ReadOne(MemoryId{after})->updated_at;
  const auto listed = client.ListMemories(Filter::Everything().UpdatedFrom(start).UpdatedBefore(end), 1);
  REQUIRE(listed);
  CHECK(IdsOf(listed->memories) == std::set{within});
  const auto of_alice = client.ListMemories(Filter::OfUser("alice"), 1);
  CHECK(IdsOf(of_alice->memories) == std::set{before, within});
}

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
    if (listed->last) break;
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

TEST_CASE("history tells what happened to a memory and in the project", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const std::string id = mem0.Add("alice", "Name is Alex");
  mem0.Update(id, "Name is Alexandra");
  const auto history = client.History(MemoryId{id});
  REQUIRE(history);
  REQUIRE(history->size() == 2);
  CHECK((*history)[0]["event"] == "ADD");
  CHECK((*history)[1]["new_memory"] == "Name is Alexandra");
  mem0.Delete(id);
  const auto project = client.ProjectHistory(1);
  REQUIRE(project);
  CHECK(project->entries.size() == 3);
  CHECK(project->last);
  CHECK(client.ProjectHistory(2)->entries.empty());
}

TEST_CASE("a memory is added as it stands and deleted", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto id = client.AddMemory("canary", "membridge-canary", {{"origin", "membridge"}});
  REQUIRE(id);
  const auto read = client.ReadOne(*id);
  REQUIRE(read);
  CHECK(read->record["memory"] == "canary");
  CHECK(read->record["metadata"]["origin"] == "membridge");
  CHECK(client.DeleteMemory(*id));
  CHECK(client.DeleteMemory(*id).error().code == ErrorCode::kNotFound);
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

TEST_CASE("webhooks are listed, created, changed and deleted", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const Webhook wanted{"", "membridge-crm", "https://b.example/webhooks/crm/SECRETSECRET", {"memory_add"}, true};
  const auto created = client.CreateWebhook(mem0.ProjectId(), wanted);
  REQUIRE(created);
  CHECK_FALSE(created->webhook_id.empty());
  Webhook changed = wanted;
  changed.event_types = {"memory_add", "memory_delete"};
  CHECK(client.UpdateWebhook(created->webhook_id, changed));
  const auto listed = client.ListWebhooks(mem0.ProjectId());
  REQUIRE(listed);
  REQUIRE(listed->size() == 1);
  CHECK(listed->front().url == wanted.url);
  CHECK(listed->front().event_types == changed.event_types);
  CHECK(listed->front().is_active);
  CHECK(client.DeleteWebhook(created->webhook_id));
  CHECK(client.DeleteWebhook(created->webhook_id).error().code == ErrorCode::kNotFound);
  CHECK(client.ListWebhooks("proj_other").error().code == ErrorCode::kUnauthorized);
}

TEST_CASE("an error about a webhook names the fields and never repeats the address", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const Webhook wanted{"", "", "https://b.example/webhooks/crm/SECRETSECRET", {"memory_foo"}, true};
  const auto refused = client.CreateWebhook(mem0.ProjectId(), wanted);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ErrorCode::kRefused);
  CHECK(client.LastFailure().fields.contains("event_types"));

  Script(
      mem0, 400,
      R"({"url":["https:\/\/b.example\/webhooks\/crm\/SECRETSECRET is taken","SECRETSECRET"],"name":["see https://b.example/x/OTHER"]})");
  const auto taken = client.UpdateWebhook("wh_1", wanted);
  REQUIRE_FALSE(taken);
  CHECK(taken.error().message ==
        "update_webhook: Mem0 answered 400: name: see https://b.example/***; url: https://b.example/*** is taken; ***");
  CHECK(client.LastFailure().fields.at("url") == "https://b.example/*** is taken; ***");
}

TEST_CASE("a list of webhooks that was not understood is not an empty one", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto body = GENERATE(as<std::string>{}, "{}", "null", R"([{"name":"no id"}])",
                             R"([{"webhook_id":"wh_1","url":"\ud800"}])", R"({"results":[],"next":"?page=2"})", "");
  CAPTURE(body);
  Script(mem0, 200, body);
  CHECK(client.ListWebhooks(mem0.ProjectId()).error().code == ErrorCode::kUnavailable);
}

}  // namespace membridge::sync::mem0
