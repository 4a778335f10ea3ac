// What the admin API answers and does about webhooks. ApiWorld compares every answer with the document.
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

TEST_CASE("webhooks are planned, applied and rotated without ever showing a token", "[api][pg][sim]") {
  ApiWorld world;
  const json before = world.Get("/projects/crm/webhooks", test::kViewerToken);
  CHECK(before["changes"] == true);
  CHECK(before["webhooks"].empty());
  const json applied = world.Post("/projects/crm/webhooks/apply", json::object(), test::kOperatorToken);
  CHECK(applied["changed"] == true);
  CHECK(world.tokens_issued == 1);
  CHECK(world.Post("/projects/crm/webhooks/apply", json::object())["changed"] == false);
  const json rotated = world.Post("/projects/crm/webhooks/rotate", {{"overlap_seconds", 600}});
  CHECK(rotated["old_token"].is_string());
  const json after = world.Get("/projects/crm/webhooks");
  REQUIRE(after["webhooks"].size() == 1);
  CHECK(after["webhooks"][0]["url"] == "https://bridge.example.com/webhooks/crm/***");
  CHECK(after["webhooks"][0]["token"]["id"] == rotated["new_token"]);
  CHECK(world.Get("/projects/crm/tokens")["tokens"].size() == 2);
  const std::string url = world.mem0.Api("GET", "/api/v1/webhooks/projects/" + world.mem0.ProjectId() + "/").second[0]["url"];
  const std::string token = url.substr(url.rfind('/') + 1);
  REQUIRE(token.size() == 43);
  CHECK((applied.dump() + rotated.dump() + after.dump() + world.Audit(20).dump()).find(token) == std::string::npos);
  CHECK(world.Post("/projects/crm/webhooks/remove", nullptr)["webhooks"].size() == 1);
  CHECK(world.Get("/projects/crm/webhooks")["webhooks"].empty());
  CHECK(world.Get("/projects/crm/webhooks")["desired"]["manage"] == false);
  CHECK(world.Call("POST", "/projects/lab/webhooks/apply", json::object()).status == 409);
}

TEST_CASE("any webhook of the project is made, changed and deleted, with Mem0's words at the field", "[api][pg][sim]") {
  ApiWorld world;
  const json wish{{"name", "other"}, {"url", "https://other.example.com/hook/s3cret"}, {"events", {"memory_add"}}};
  json wrong = wish;
  wrong["url"] = "no address";
  CHECK(world.Call("POST", "/projects/crm/webhooks", wrong).body["fields"].contains("url"));
  world.mem0.SetFaults(
      {{"next", {{{"endpoint", "webhooks.create"}, {"status", 400}, {"body", R"({"url":["Enter a valid URL."]})"}}}}});
  const auto refused = world.Call("POST", "/projects/crm/webhooks", wish);
  CHECK(refused.status == 422);
  CHECK(refused.body["code"] == "refused_by_mem0");
  CHECK(refused.body["fields"]["url"] == "Enter a valid URL.");
  const json made = world.Post("/projects/crm/webhooks", wish);
  CHECK(made["ownership"] == "foreign");
  CHECK(made["url"] == "https://other.example.com/***");
  const std::string path = "/projects/crm/webhooks/" + made["webhook"].get<std::string>();
  const json changed = world.Call("PATCH", path, {{"name", "renamed"}}).body;
  CHECK(changed["name"] == "renamed");
  CHECK(changed["url"] == "https://other.example.com/***");
  CHECK(world.mem0.Api("GET", "/api/v1/webhooks/projects/" + world.mem0.ProjectId() + "/").second[0]["url"] ==
        "https://other.example.com/hook/s3cret");
  CHECK(world.Call("PATCH", "/projects/crm/webhooks/none", {{"name", "renamed"}}).status == 404);
  CHECK(world.Call("DELETE", path).status == 200);
  CHECK(world.Call("DELETE", path).status == 404);
  CHECK(world.Audit(20).dump().find("s3cret") == std::string::npos);
  CHECK(world.Audit()[0]["object"] == made["webhook"]);

  REQUIRE(world.Post("/projects/crm/webhooks/apply", json::object())["changed"] == true);
  const std::string ours =
      "/projects/crm/webhooks/" + world.Get("/projects/crm/webhooks")["webhooks"][0]["webhook"].get<std::string>();
  CHECK(world.Call("PATCH", ours, {{"name", "renamed"}}).status == 409);
  CHECK(world.Call("DELETE", ours).status == 409);
}
