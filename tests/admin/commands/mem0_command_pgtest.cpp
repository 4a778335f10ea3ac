// `membridge mem0 …`: every operation of the table against a local Mem0, and what is said when one is refused.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "sync/mem0/api_operations.hpp"
#include "tests/admin/commands/spoken.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/support/postgres.hpp"

using namespace membridge;
using namespace membridge::admin;
using nlohmann::json;

namespace {

const std::string kUnknown = "00000000-0000-4000-8000-000000000000";

struct Mem0Hand {
  Mem0Hand() { REQUIRE(Run({"projects", "list"}).status == kDone); }

  Spoken Run(std::vector<std::string> words) const {
    words.insert(words.end(), {"--config", config.path()});
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  }
  /// A command below `mem0` that must go well; answers its JSON.
  json Do(std::vector<std::string> words) const {
    words.insert(words.begin(), "mem0");
    words.emplace_back("--json");
    const Spoken said = Run(words);
    CAPTURE(words, said.out, said.err);
    REQUIRE(said.status == kDone);
    return json::parse(said.out);
  }
  /// The newest entry of the audit: action, outcome and detail.
  std::vector<std::string> Audited() const {
    return {db.Value("SELECT action FROM membridge.audit ORDER BY number DESC LIMIT 1"),
            db.Value("SELECT outcome FROM membridge.audit ORDER BY number DESC LIMIT 1"),
            db.Value("SELECT detail FROM membridge.audit ORDER BY number DESC LIMIT 1")};
  }

  test::Mem0Sim mem0;
  test::PgDatabase db{};
  test::TextFile config{"membridge.yaml", fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: {}, base_url: \"{}\"}}}}\n",
                                                      db.Dsn(), mem0.ApiKey(), mem0.BaseUrl())};
};

}  // namespace

TEST_CASE("memories are listed, searched, added, changed and deleted from the terminal", "[commands][pg][mem0]") {
  Mem0Hand hand;
  const std::string tea = hand.mem0.Add("ada", "Likes tea", nullptr, {}, false);
  hand.mem0.Add("bob", "Likes coffee", nullptr, {}, false);

  CHECK(hand.Do({"memory", "list"})["count"] == 2);
  CHECK(hand.Do({"memory", "list", "--user-id", "ada"})["results"][0]["memory"] == "Likes tea");
  CHECK(hand.Do({"memory", "list", "--filters", R"({"user_id": "bob"})", "--page-size", "1"})["count"] == 1);
  CHECK(hand.Do({"memory", "search", "tea"})["results"].size() == 1);
  CHECK(hand.Do({"memory", "show", tea})["user_id"] == "ada");
  const Spoken table = hand.Run({"mem0", "memory", "list", "--page-size", "1"});
  CHECK(table.out.find("memory") != std::string::npos);
  CHECK(table.out.find("1 of 2") != std::string::npos);

  // What a model finds comes later; --wait follows it.
  hand.mem0.SetSettings({{"infer_ms", 200}});
  const json later = hand.Do({"memory", "add", "I moved to Paris", "--user-id", "ada"});
  CHECK(later["status"] == "PENDING");
  CHECK(hand.Do({"event", "show", later["event_id"].get<std::string>(), "--wait"})["status"] == "SUCCEEDED");
  const json done = hand.Do({"memory", "add", "I play chess", "--user-id", "ada", "--wait"});
  CHECK(done["status"] == "SUCCEEDED");
  CHECK(done["results"][0]["data"]["memory"] == "I play chess");
  const json at_once =
      hand.Do({"memory", "add", R"([{"role": "user", "content": "Has a cat"}])", "--user-id", "ada", "--infer=false"});
  CHECK(at_once["results"].size() == 1);
  CHECK(hand.Audited()[0] == "mem0.memory.add");
  CHECK(hand.Audited()[2].find("cat") == std::string::npos);
  CHECK(hand.Audited()[2].find("\"ada\"") == std::string::npos);

  CHECK(hand.Do({"memory", "update", tea, "--text", "Likes green tea", "--expiration-date", "2030-01-31"})["memory"] ==
        "Likes green tea");
  CHECK(hand.Do({"memory", "update", tea, "--expiration-date", "none"})["expiration_date"] == nullptr);
  CHECK(hand.db.Value("SELECT reason FROM membridge.dirty WHERE memory_id = $1", {tea}) == "manual");
  CHECK(hand.Do({"memory", "history", tea}).size() >= 2);
  CHECK(hand.Do({"event", "memory-events", "--limit", "1"})["results"].size() == 1);
  CHECK(hand.Do({"feedback", "set", tea, "--feedback", "NEGATIVE", "--feedback-reason", "no"})["feedback"] == "NEGATIVE");
  CHECK(hand.Do({"feedback", "set", tea, "--feedback", "none"})["feedback"] == nullptr);

  const Spoken asked = hand.Run({"mem0", "memory", "delete", tea});
  CHECK(asked.status == kDone);
  CHECK(asked.out.find("1 memory meant") != std::string::npos);
  CHECK(hand.mem0.Truth().contains(tea));
  hand.Do({"memory", "delete", tea, "--yes"});
  CHECK_FALSE(hand.mem0.Truth().contains(tea));
  CHECK(hand.Audited() == std::vector<std::string>{"mem0.memory.delete", "done", fmt::format(R"({{"memory_id":"{}"}})", tea)});
}

TEST_CASE("many memories are changed and deleted at once, and all of a user only after a count", "[commands][pg][mem0]") {
  Mem0Hand hand;
  const std::string one = hand.mem0.Add("ada", "One", nullptr, {}, false);
  const std::string two = hand.mem0.Add("ada", "Two", nullptr, {}, false);
  hand.mem0.Add("bob", "Three", nullptr, {}, false);
  const test::TextFile file{"many.json",
                            json::array({{{"memory_id", one}, {"text", "Uno"}}, {{"memory_id", two}, {"text", "Due"}}}).dump()};
  hand.Do({"memory", "update-many", "--memories", "@" + file.path()});
  CHECK(hand.mem0.Truth().at(two)["memory"] == "Due");
  CHECK(hand.Do({"memory", "delete-many", "--memory-ids", one + "," + two})["count"] == 2);
  hand.Do({"memory", "delete-many", "--memory-ids", one, "--yes"});
  CHECK(hand.mem0.Truth().size() == 2);

  const Spoken bare = hand.Run({"mem0", "memory", "delete-where", "--yes"});
  CHECK(bare.status == kBadUsage);
  CHECK(bare.err.find("--user-id: is needed") != std::string::npos);
  CHECK(hand.Do({"memory", "delete-where", "--user-id", "ada"}) == json({{"count", 1}, {"of", "memories"}, {"done", false}}));
  CHECK(hand.mem0.Truth().size() == 2);
  CHECK(hand.Do({"memory", "delete-where", "--user-id", "ada", "--yes", "--wait"})["status"] == "SUCCEEDED");
  CHECK(hand.mem0.Truth().size() == 1);
  CHECK(hand.Do({"entity", "delete", "user", "bob"})["count"] == 1);
  CHECK(hand.Do({"entity", "delete", "user", "bob", "--yes", "--wait"})["status"] == "SUCCEEDED");
  CHECK(hand.mem0.Truth().empty());
  CHECK(hand.Audited()[2].find("bob") == std::string::npos);
  CHECK(hand.Audited()[2].find("entity_id_hash") != std::string::npos);
}

TEST_CASE("users, events, exports, projects, organizations and the account are at hand", "[commands][pg][mem0]") {
  Mem0Hand hand;
  hand.mem0.Add("ada", "Likes tea", {{"city", "Paris"}}, {}, false);
  CHECK(hand.Do({"entity", "add", "agent", "bot"})["agent_id"] == "bot");
  CHECK(hand.Do({"entity", "list"})["count"] == 2);
  CHECK(hand.Do({"entity", "show", "user", "ada"})[0]["name"] == "ada");
  CHECK(hand.Do({"entity", "memories", "user", "ada"}).size() == 1);
  CHECK(hand.Do({"entity", "filters"})["users"] == json::array({"ada"}));
  CHECK(hand.Do({"event", "list", "--event-type", "GET_ALL"})["count"].get<int>() >= 1);

  const json schema{{"type", "object"}, {"properties", {{"city", {{"type", "string"}}}}}};
  const std::string made = hand.Do({"export", "create", "--schema", schema.dump(), "--user-id", "ada"})["id"];
  hand.mem0.SetExports({{"ready_after_ms", 0}});
  const std::string ready = hand.Do({"export", "create", "--schema", schema.dump(), "--user-id", "ada"})["id"];
  CHECK(made != ready);
  CHECK(hand.Do({"export", "get", "--memory-export-id", ready})["city"] == "Paris");
  CHECK(hand.Do({"export", "summary", "--user-id", "ada"}).is_array());

  CHECK(hand.Do({"account", "ping"})["project_id"] == hand.mem0.ProjectId());
  CHECK(hand.Do({"account", "stats"})["total_memories"] == 1);
  CHECK(hand.Do({"project", "list"}).size() == 1);
  hand.Do(
      {"project", "update", "--custom-instructions", "Only hobbies", "--custom-categories", R"([{"support": "Complaints"}])"});
  const json project = hand.Do({"project", "show"});
  CHECK(project["custom_instructions"] == "Only hobbies");
  CHECK(project["custom_categories"] == json::parse(R"([{"support": "Complaints"}])"));
  CHECK(hand.Audited()[2].find("hobbies") == std::string::npos);
  const std::string second = hand.Do({"project", "create", "--name", "second"})["project_id"];
  hand.Do({"project", "members", "add", second, "--email", "bob@example.test", "--role", "READER"});
  hand.Do({"project", "members", "set-role", second, "--email", "bob@example.test", "--role", "OWNER"});
  CHECK(hand.Do({"project", "members", "list", second})["members"].size() == 2);
  hand.Do({"project", "members", "remove", second, "--email", "bob@example.test", "--yes"});
  CHECK(hand.Do({"project", "members", "list", second})["members"].size() == 1);
  CHECK(hand.Do({"project", "delete", second}) == json({{"count", 1}, {"of", "project"}, {"done", false}}));
  hand.Do({"project", "delete", second, "--yes"});
  CHECK(hand.Do({"project", "delete"}) == json({{"count", 1}, {"of", "memories"}, {"done", false}}));

  const std::string other = hand.Do({"organization", "create", "--name", "other"})["org_id"];
  CHECK(hand.Do({"organization", "show", other})["name"] == "other");
  hand.Do({"organization", "members", "add", other, "--email", "bob@example.test", "--role", "READER"});
  hand.Do({"organization", "members", "set-role", other, "--email", "bob@example.test", "--role", "OWNER"});
  CHECK(hand.Do({"organization", "members", "list", other})["members"].size() == 2);
  hand.Do({"organization", "members", "remove", other, "--email", "bob@example.test", "--yes"});
  hand.Do({"organization", "delete", other, "--yes"});
  CHECK(hand.Do({"organization", "list"}).size() == 1);
  const Spoken kept = hand.Run({"mem0", "organization", "delete", "--yes"});
  CHECK(kept.status == kFoundProblems);
  CHECK(kept.err.find("default organization cannot be deleted") != std::string::npos);
  CHECK(hand.Audited()[1] == "refused");
}

TEST_CASE("webhooks below mem0 keep the rule of whose they are", "[commands][pg][mem0]") {
  Mem0Hand hand;
  const auto made =
      hand.Do({"webhook", "create", "--name", "other", "--url", "https://other.example.test/in", "--events", "memory_add"});
  const std::string id = made["projects"][0]["created"]["webhook"];
  CHECK(hand.Do({"webhook", "list"})["projects"][0]["webhooks"].size() == 1);
  hand.Do({"webhook", "update", id, "--name", "renamed"});
  hand.Do({"webhook", "delete", id});
  CHECK(hand.Do({"webhook", "list"})["projects"][0]["webhooks"].size() == 1);
  hand.Do({"webhook", "delete", id, "--yes"});
  CHECK(hand.Do({"webhook", "list"})["projects"][0]["webhooks"].empty());
}

TEST_CASE("what is wrong is said at the parameter, before Mem0 is asked or in Mem0's words", "[commands][pg][mem0]") {
  Mem0Hand hand;
  struct Wrong {
    std::vector<std::string> words;
    int status;
    std::string said;
  };
  hand.mem0.ResetCalls();
  for (const Wrong& wrong : std::vector<Wrong>{
           {{"memory", "show", "nonsense"}, kBadUsage, "memory_id: must be a UUID"},
           {{"memory", "list", "--page", "0"}, kBadUsage, "--page: must be a whole number from 1"},
           {{"memory", "list", "--page-size", "201"}, kBadUsage, "--page-size: must be at most 200"},
           {{"memory", "list", "--filters", "{"}, kBadUsage, "--filters: must be an object"},
           {{"memory", "search", "tea", "--threshold", "2"}, kBadUsage, "--threshold: must be a number from 0 to 1"},
           {{"memory", "add", "hello"}, kBadUsage, "--user-id: is needed, or another of"},
           {{"memory", "add", R"([{"role": "user"}])", "--user-id", "ada"}, kBadUsage, "messages: [0].content is needed"},
           {{"memory", "update", kUnknown}, kBadUsage, "--text: is needed, or another of"},
           {{"memory", "update", kUnknown, "--expiration-date", "soon"}, kBadUsage, "--expiration-date: must be a day"},
           {{"memory", "delete-many", "--memory-ids", "x"}, kBadUsage, "--memory-ids: [0] must be a UUID"},
           {{"memory", "update-many", "--memories", R"([{"text": "x"}])"}, kBadUsage, "--memories: [0].memory_id must be a UUID"},
           {{"memory", "update-many", "--memories", "@/nowhere"}, kBadUsage, "cannot read /nowhere"},
           {{"feedback", "set", kUnknown, "--feedback", "GREAT"}, kBadUsage, "--feedback: must be one of: POSITIVE"},
           {{"entity", "show", "person", "ada"}, kBadUsage, "entity_type: must be one of: user"},
           {{"entity", "delete", "user", "*", "--yes"}, kBadUsage, "entity_id: must name one"},
           {{"export", "get"}, kBadUsage, "--memory-export-id: is needed, or another of"},
           {{"project", "members", "add", "--email", "x@example.test", "--role", "BOSS"},
            kBadUsage,
            "--role: must be one of: READER, OWNER"}}) {
    std::vector<std::string> words = wrong.words;
    words.insert(words.begin(), "mem0");
    const Spoken said = hand.Run(words);
    CAPTURE(words, said.out, said.err);
    CHECK(said.status == wrong.status);
    CHECK(said.err.find(wrong.said) != std::string::npos);
  }
  CHECK(hand.mem0.Calls() == 0);

  // Mem0's own refusals, in each of its shapes.
  CHECK(hand.Run({"mem0", "memory", "show", kUnknown}).err.find("Memory not found!") != std::string::npos);
  const Spoken unknown = hand.Run({"mem0", "memory", "list", "--filters", R"({"colour": "red"})"});
  CHECK(unknown.status == kFoundProblems);
  CHECK(unknown.err.find("--filters: ") != std::string::npos);
  const Spoken member = hand.Run({"mem0", "organization", "members", "add", "--email", "nonsense", "--role", "READER"});
  CHECK(member.err.find("--email: Enter a valid email address.") != std::string::npos);
  const Spoken project_member =
      hand.Run({"mem0", "project", "members", "add", "--email", "nonsense", "--role", "READER", "--json"});
  CHECK(json::parse(project_member.out)["error"]["fields"].contains("email"));
  CHECK(hand.Run({"mem0", "memory", "lst"}).err.find("did you mean") != std::string::npos);
  CHECK(hand.Run({"mem0", "memory", "list", "--usr-id", "ada"}).err.find("--user-id") != std::string::npos);
  CHECK(hand.Run({"mem0", "memory", "list", "--project", "sales"}).status == kBadUsage);
}

TEST_CASE("check warns of a category that no memory of the project can get", "[commands][pg][mem0]") {
  Mem0Hand hand;
  hand.db.RunScript("CREATE TABLE people (user_id text PRIMARY KEY, said text)");
  const test::TextFile mapping{"person.yaml",
                               "when: $memory.categories | has('suport', 'travel')\n"
                               "rows: {person: {table: people, key: {user_id: $memory.user_id}, set: {said: $memory.text}}}\n"};
  const test::TextFile config{
      "membridge.yaml",
      fmt::format("database: \"{}\"\nprojects: {{crm: {{api_key: {}, base_url: \"{}\"}}}}\nmappings: [\"{}\"]\n", hand.db.Dsn(),
                  hand.mem0.ApiKey(), hand.mem0.BaseUrl(), mapping.path())};
  const auto check = [&](const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"check", "--config", config.path()};
    words.insert(words.end(), more.begin(), more.end());
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  };
  hand.Do({"project", "update", "--custom-categories", R"([{"support": "Complaints"}, {"travel": "Journeys"}])"});
  const Spoken warned = check();
  CAPTURE(warned.err);
  CHECK(warned.status == kDone);
  CHECK(warned.err.find(
            "person.yaml:1:28: warning: no memory of project crm gets the category 'suport'; did you mean \"support\"") !=
        std::string::npos);
  CHECK(warned.err.find("'travel'") == std::string::npos);
  CHECK(check({"--deny-warnings"}).status == kFoundProblems);
  // Without own categories Mem0 has its fifteen.
  hand.mem0.Api("PATCH", "/api/v1/orgs/organizations/org_sim/projects/" + hand.mem0.ProjectId() + "/",
                {{"custom_categories", nullptr}});
  CHECK(check().err.find("it has personal_details, family") != std::string::npos);
  // A project that cannot be asked is told of elsewhere, and not guessed at.
  hand.mem0.SetFaults({{"server_error", 1}, {"endpoints", {"projects.get"}}});
  CHECK(check().err.find("'suport'") == std::string::npos);
}

TEST_CASE("the table of operations has a command for each line, with its help", "[commands][mem0]") {
  const auto say = [](const std::vector<std::string>& words) {
    return SayIn([](const std::string&) { return std::nullopt; }, words);
  };
  const json table = json::parse(say({"mem0", "operations", "--json"}).out)["operations"];
  CHECK(table.size() == sync::mem0::ApiOperations().size());
  CHECK(say({"mem0", "operations"}).out.find("mem0 memory delete-where") != std::string::npos);
  const std::string completion = say({"completion", "bash"}).out;
  for (const json& operation : table) {
    const std::string command = operation["command"];
    CAPTURE(command);
    CHECK(completion.find("\" " + command + "\"") != std::string::npos);
    // What destroys is for admins only.
    if (operation["effect"] == "destroys") CHECK(operation["role"] == "admin");
  }
  const std::string help = say({"mem0", "memory", "delete-where", "--help"}).out;
  CHECK(help.find("--yes") != std::string::npos);
  CHECK(help.find("--wait") != std::string::npos);
  CHECK(help.find("membridge mem0 memory delete-where --user-id ada --yes --wait") != std::string::npos);
}
