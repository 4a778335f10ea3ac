// What the admin API answers and does about mappings and previews. ApiWorld compares every answer with the document.
#include <filesystem>
#include <fstream>

#include "mappings/files/loader.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

TEST_CASE("mappings are listed with what check says, and their file is shown", "[api][pg][sim]") {
  ApiWorld world;
  world.Park("m-1", "duplicate key");
  const json mapping = world.Get("/mappings", test::kViewerToken)["mappings"][0];
  CHECK(mapping["name"] == "contacts");
  CHECK(mapping["on_disk"] == "same");
  CHECK(mapping["errors"] == 0);
  CHECK(mapping["parked"] == 1);
  const json detail = world.Get("/mappings/contacts", test::kViewerToken);
  CHECK(detail["source"].get<std::string>().find("rows:") != std::string::npos);
  CHECK(detail["problems"].empty());
  CHECK(world.Call("GET", "/mappings/nothing").status == 404);

  world.db.RunScript("ALTER TABLE crm.contacts RENAME COLUMN phone TO telephone");
  CHECK(world.Get("/mappings")["mappings"][0]["errors"].get<int>() > 0);
  const json problems = world.Get("/mappings/contacts")["problems"];
  REQUIRE_FALSE(problems.empty());
  CHECK(problems[0]["line"].get<int>() > 0);
  const auto refused = world.Call("POST", "/mappings/contacts/preview", {{"memory", "m-1"}});
  CHECK(refused.status == 409);
}

TEST_CASE("what is in force is shown and previewed while a refused edit stands on the disk", "[api][pg][sim]") {
  const std::string good = *mappings::ReadMappingFile(std::string{MEMBRIDGE_SOURCE} + "/deploy/mappings/contacts.yaml");
  const test::TextFile file{"contacts.yaml", good};
  ApiWorld world{{.mapping = file.path()}};
  const json before = world.Get("/mappings/contacts", test::kViewerToken);
  CHECK(before["source_on_disk"].is_null());
  CHECK(before["refused"].is_null());

  const std::string broken = good + "\nrow: {}\n";
  std::ofstream{file.path()} << broken;
  CHECK(world.Get("/mappings")["mappings"][0]["on_disk"] == "differs");
  world.in_force.refused.emplace();
  world.in_force.refused->at = ParseRfc3339("2026-03-01T09:12:44Z").value();
  CHECK_FALSE(mappings::LoadMapping(file.path(), broken, {}, world.in_force.refused->problems));
  const json list = world.Get("/mappings", test::kViewerToken);
  CHECK(list["mappings"][0]["on_disk"] == "refused");
  CHECK(list["mappings"][0]["errors"] == 0);
  CHECK(list["mappings"][0]["tables"] == before["tables"]);
  CHECK(list["refused"]["at"] == "2026-03-01T09:12:44.000000Z");
  REQUIRE(list["refused"]["problems"].size() == 1);
  CHECK(list["refused"]["problems"][0]["message"] == "unknown keyword \"row\"; did you mean \"rows\"?");
  const json detail = world.Get("/mappings/contacts", test::kViewerToken);
  CHECK(detail["source"] == good);
  CHECK(detail["source_on_disk"] == broken);
  CHECK(detail["digest"] == before["digest"]);
  CHECK(detail["problems"].empty());
  CHECK(detail["refused"] == list["refused"]);

  const std::string id = world.mem0.Add("ada", "Name is Ada Lovelace", nullptr, {}, false);
  CHECK(world.Post("/mappings/contacts/preview", {{"memory", id}})["rows"][0]["after"]["name"] == "Ada Lovelace");
  world.Deliver({id});
  world.Settle();
  const std::string key = world.db.Value("SELECT id FROM crm.contacts");
  CHECK(world.Get("/why?table=crm.contacts&column=name&key=" + key)["target"] == "default");
  std::filesystem::remove(file.path());
  CHECK(world.Get("/mappings/contacts")["source_on_disk"].is_null());
  CHECK(world.Get("/mappings/contacts")["on_disk"] == "refused");
}

TEST_CASE("a preview shows the rows before and after, and keeps nothing", "[api][pg][sim]") {
  ApiWorld world;
  const std::string id = world.Remember("ada", "Name is Ada Lovelace");
  const std::string before = world.db.Value("SELECT json_agg(c)::text FROM crm.contacts c");
  json record = world.mem0.Truth().at(id);
  record["memory"] = "Name is Augusta Ada King";
  record["updated_at"] = "2031-01-01T00:00:00Z";
  const json preview = world.Post("/mappings/contacts/preview", {{"record", record}}, test::kOperatorToken);
  CHECK(preview["would_change"] == true);
  CHECK(preview["outcome"] == "applied");
  REQUIRE(preview["rows"].size() == 1);
  CHECK(preview["rows"][0]["table"] == "crm.contacts");
  CHECK(preview["rows"][0]["before"]["name"] == "Ada Lovelace");
  CHECK(preview["rows"][0]["after"]["name"] == "Augusta Ada King");
  CHECK(preview["text"].get<std::string>().find("Rolled back.") != std::string::npos);

  record["id"] = "11111111-1111-4111-8111-111111111111";
  record["user_id"] = "grace";
  const json made = world.Post("/mappings/contacts/preview", {{"record", record}}, test::kOperatorToken);
  CHECK(made["rows"][0]["before"].is_null());
  CHECK(made["rows"][0]["after"]["user_ref"] == "grace");

  CHECK(world.Post("/mappings/contacts/preview", {{"memory", id}})["would_change"] == false);
  CHECK(world.Post("/mappings/contacts/preview", {{"memory", id}, {"read", "mirror"}})["would_change"] == false);
  world.mem0.Delete(id, false);
  CHECK(world.Post("/mappings/contacts/preview", {{"memory", id}})["would_change"] == true);
  CHECK(world.Post("/mappings/contacts/preview", {{"memory", id}, {"read", "mirror"}})["would_change"] == false);
  CHECK(world.db.Value("SELECT json_agg(c)::text FROM crm.contacts c") == before);
  CHECK(world.db.Count("membridge.audit") == 0);

  CHECK(world.Call("POST", "/mappings/contacts/preview", json::object()).body["fields"].contains("memory"));
  CHECK(world.Call("POST", "/mappings/contacts/preview", {{"record", {{"id", 7}}}}).body["fields"].contains("record"));
  CHECK(
      world.Call("POST", "/mappings/contacts/preview", {{"memory", id}, {"project", "shop"}}).body["fields"].contains("project"));
}
