#include <algorithm>

#include "tests/support/catch.hpp"
#include "tests/support/noise.hpp"
#include "tests/sync/mem0/calling.hpp"

namespace membridge::sync::mem0 {

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
  CHECK(IdsOf(read->memories) == std::set{plain, expired, merged, agents});
  CHECK(mem0.Calls() == 1);
  const auto found = std::ranges::find(read->memories, MemoryId{plain}, &mappings::Memory::id);
  CHECK(found->record["text"] == "Name is Alex");
  CHECK(found->record["metadata"]["tier"] == "gold");
  CHECK(found->user_id == "alice");
}

TEST_CASE("a record whose id no memory can have is passed over in a list, and hides nothing but itself", "[mem0][sim][T5]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  const auto record = [](const std::string& id) {
    return nlohmann::json{{"id", id}, {"memory", "x"}, {"created_at", "2026-01-01T00:00:00Z"}};
  };
  for (const std::string& id : {test::Noise(129), test::Noise(6'000), test::Noise(2'000'000), std::string{"../users"}}) {
    CAPTURE(id.size());
    Script(mem0, 200, nlohmann::json{{"count", 2}, {"next", nullptr}, {"results", {record(id), record("m-1")}}}.dump());
    const auto page = client.ListMemories(Filter::Everything(), 1);
    REQUIRE(page);
    CHECK(IdsOf(page->memories) == std::set<std::string>{"m-1"});
    CHECK(page->nameless == 1);
    CHECK(page->unreadable.empty());
  }
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
  CHECK(read->memories.size() == 200);
  CHECK(mem0.Calls() == 1);

  ids.push_back(kNobody);
  CHECK(client.ReadMany(ids).error().code == ErrorCode::kRefused);
  CHECK(client.ReadMany({MemoryId{"not-a-uuid"}}).error().code == ErrorCode::kRefused);
  CHECK(client.ReadMany({})->memories.empty());
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
  REQUIRE(read->memories.size() == 3);
  CHECK(read->memories[0].id.Text() == record('1')["id"]);
  CHECK(read->memories[2].id.Text() == record('3')["id"]);
  CHECK_FALSE(read->complete);  // it brought what nobody asked for
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
  CHECK(IdsOf(read->memories) == std::set{good});

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

TEST_CASE("a list that does not exist is not an empty list", "[mem0][sim]") {
  Mem0Sim mem0;
  Client client = ClientFor(mem0);
  Script(mem0, 404, R"({"detail":"Not found."})");
  CHECK(client.ReadMany({kNobody, kNobody}).error().code == ErrorCode::kUnavailable);
  Script(mem0, 200, R"({"detail":"fine"})");
  CHECK(client.ListMemories(Filter::Everything(), 1).error().code == ErrorCode::kUnavailable);
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
    CHECK(listed->leads_elsewhere == (links == "foreign" && listed->linked));
    for (const auto& memory : listed->memories) seen.insert(memory.id.Text());
    if (!listed->linked) break;
  }
  CHECK(page == 3);
  CHECK(seen.size() == 450);
  const auto beyond = client.ListMemories(Filter::Everything(), 9);
  REQUIRE(beyond);
  CHECK(beyond->memories.empty());
  CHECK(beyond->past_end);
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

}  // namespace membridge::sync::mem0
