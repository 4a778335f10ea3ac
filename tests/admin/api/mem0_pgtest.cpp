// The operations at Mem0 over the API: each line of the table, with its count, its audit and its errors at the field.
#include "admin/api/document.hpp"
#include "admin/api/mem0_document.hpp"
#include "sync/mem0/api_operations.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::admin::api;
using nlohmann::json;
using test::ApiWorld;

TEST_CASE("every line of the table is an operation of the document, with its role and effect", "[api][document][mem0]") {
  const Document document{OpenApiText()};
  for (const sync::mem0::ApiOperation& line : sync::mem0::ApiOperations()) {
    const Mem0Route route = RouteOf(line);
    CAPTURE(route.id, route.method, route.path);
    const auto found = document.Find(route.method, route.path);
    REQUIRE(found.operation != nullptr);
    CHECK(found.operation->id == route.id);
    CHECK(NameOf(found.operation->role) == line.role);
    CHECK(found.operation->audit.empty() == (line.effect == sync::mem0::ApiOperation::Effect::kReads));
    if (line.Destroys()) CHECK(found.operation->role == admin::Role::kAdmin);
  }
}

TEST_CASE("memories are read, changed and deleted at Mem0 over the API, and their rows follow", "[api][pg][sim][mem0]") {
  ApiWorld world;
  const std::string base = "/mem0/crm/memory";
  const std::string memory = world.Remember("ada", "Name is Ada");
  CHECK(world.Post(base + "/list", json::object(), test::kOperatorToken)["count"] == 1);
  CHECK(world.Post(base + "/search", {{"query", "ada"}})["results"].size() == 1);
  CHECK(world.Get(base + "/" + memory)["memory"] == "Name is Ada");
  CHECK(world.Get(base + "/" + memory + "/history").size() == 1);

  world.woken = 0;
  const auto changed = world.Call("PATCH", base + "/" + memory, {{"text", "Name is Ada Lovelace"}}, test::kOperatorToken);
  CHECK(changed.body["memory"] == "Name is Ada Lovelace");
  CHECK(world.woken == 1);
  CHECK(world.db.Count("membridge.dirty WHERE reason = 'manual'") == 1);
  json audited = world.Audit()[0];
  CHECK(audited["action"] == "mem0.memory.update");
  CHECK(audited.dump().find("Lovelace") == std::string::npos);
  CHECK(audited["detail"]["memory_id"] == memory);
  world.Settle();

  CHECK(world.Call("DELETE", base + "/" + memory).body["code"] == "count_first");
  CHECK(world.Call("DELETE", base + "/" + memory + "?dry_run=true").body ==
        json({{"count", 1}, {"of", "memory"}, {"done", false}}));
  CHECK(world.Call("DELETE", base + "/" + memory + "?expected_count=1", nullptr, test::kOperatorToken).status == 403);
  CHECK(world.Call("DELETE", base + "/" + memory + "?expected_count=1").status == 200);
  CHECK_FALSE(world.mem0.Truth().contains(memory));

  world.mem0.Add("bob", "One", nullptr, {}, false);
  world.mem0.Add("bob", "Two", nullptr, {}, false);
  const auto outgrown = world.Call("POST", base + "/delete-where", {{"user_id", "bob"}, {"expected_count", 1}});
  CHECK(outgrown.status == 409);
  CHECK(outgrown.body["count"] == 2);
  const json begun = world.Post(base + "/delete-where", {{"user_id", "bob"}, {"expected_count", 2}});
  CHECK(world.Get("/mem0/crm/event/" + begun["event_id"].get<std::string>())["id"] == begun["event_id"]);
  audited = world.Audit()[0];
  CHECK(audited["detail"].dump().find("bob") == std::string::npos);
  CHECK(audited["detail"]["count"] == 2);
}

TEST_CASE("what is wrong with an operation at Mem0 is said at its field", "[api][pg][sim][mem0]") {
  ApiWorld world;
  const std::string unknown = "00000000-0000-4000-8000-000000000000";
  struct Wrong {
    std::string method, path;
    json body;
    int status;
    std::string field;
  };
  for (const Wrong& wrong : std::vector<Wrong>{
           {"GET", "/memory/nonsense", nullptr, 400, "memory_id"},
           {"POST", "/memory/list", {{"page_size", 201}}, 400, "page_size"},
           {"POST", "/memory/list", {{"filters", "x"}}, 400, "filters"},
           {"POST", "/memory/list", {{"filters", {{"colour", "red"}}}}, 422, "filters"},
           {"POST", "/memory", {{"messages", json::array({{{"role", "user"}}})}, {"user_id", "ada"}}, 400, "messages"},
           {"POST", "/memory", {{"messages", json::array({{{"role", "user"}, {"content", "x"}}})}}, 400, "user_id"},
           {"PATCH", "/memory/" + unknown, json::object(), 400, "text"},
           {"POST", "/memory/delete-where", {{"dry_run", true}}, 400, "user_id"},
           {"POST", "/memory/delete-many", {{"memory_ids", json::array({"x"})}, {"dry_run", true}}, 400, "memory_ids"},
           {"POST", "/feedback", {{"memory_id", unknown}, {"feedback", "GREAT"}}, 400, "feedback"},
           {"POST", "/organization/current/members", {{"email", "nonsense"}, {"role", "READER"}}, 422, "email"},
           {"POST", "/webhook", {{"name", "n"}, {"url", "nonsense"}, {"events", json::array({"memory_add"})}}, 400, "url"},
           {"GET", "/entity/person/ada", nullptr, 400, "entity_type"}}) {
    const auto answer = world.Call(wrong.method, "/mem0/crm" + wrong.path, wrong.body);
    CAPTURE(wrong.path, answer.text);
    CHECK(answer.status == wrong.status);
    CHECK(answer.body["fields"].contains(wrong.field));
  }
  CHECK(world.Call("GET", "/mem0/crm/memory/" + unknown).status == 404);
  CHECK(world.Call("GET", "/mem0/sales/account/ping").status == 404);
}

TEST_CASE("webhooks, projects and the account are reached over the API, the bridge's webhook stays the bridge's",
          "[api][pg][sim][mem0]") {
  ApiWorld world;
  world.Post("/projects/crm/webhooks/apply", json::object());
  const json listed = world.Get("/mem0/crm/webhook");
  REQUIRE(listed.size() == 1);
  CHECK(listed[0]["url"].get<std::string>().ends_with("***"));
  const std::string ours = listed[0]["webhook"];
  CHECK(world.Call("DELETE", "/mem0/crm/webhook/" + ours + "?expected_count=1").status == 409);
  const json made =
      world.Post("/mem0/crm/webhook", {{"name", "other"}, {"url", "https://other.example.test/in"}, {"events", {"memory_add"}}});
  const std::string other = made["webhook"];
  CHECK(world.Call("PATCH", "/mem0/crm/webhook/" + other, {{"name", "renamed"}}).body["name"] == "renamed");
  CHECK(world.Call("DELETE", "/mem0/crm/webhook/" + other + "?expected_count=1").status == 200);
  CHECK(world.Get("/mem0/crm/webhook").size() == 1);

  CHECK(world.Get("/mem0/crm/account/ping", test::kViewerToken)["project_id"] == world.mem0.ProjectId());
  CHECK(world.Call("PATCH", "/mem0/crm/project/current", {{"custom_instructions", "Only hobbies"}}).status == 200);
  CHECK(world.Get("/mem0/crm/project/current")["custom_instructions"] == "Only hobbies");
  CHECK(world.Get("/mem0/crm/project").size() == 1);
  CHECK(world.Call("DELETE", "/mem0/crm/project/current?dry_run=true").body["of"] == "memories");
}
