// What the admin API answers and does; ApiWorld compares every answer with the document.
#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "mappings/files/loader.hpp"
#include "sync/worker/history.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/admin/text_file.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

TEST_CASE("a session tells who the token is", "[api][pg][sim]") {
  ApiWorld world;
  const json session = world.Get("/session", test::kOperatorToken);
  CHECK(session["name"] == "oscar");
  CHECK(session["role"] == "operator");
  CHECK(session["kept_in"] == "configuration");
  CHECK(session["projects"] == json::array({"crm", "lab"}));
  CHECK(world.Get("/openapi.json")["openapi"] == "3.1.0");
  const auto head = world.Raw("HEAD", "/api/v1/session", "", {"Authorization: Bearer " + test::kViewerToken});
  CHECK(head.status == 200);
  CHECK(head.text.empty());
}

TEST_CASE("projects are listed without any secret", "[api][pg][sim]") {
  ApiWorld world;
  const json projects = world.Get("/projects", test::kViewerToken)["projects"];
  REQUIRE(projects.size() == 2);
  CHECK(projects[0]["name"] == "crm");
  CHECK(projects[0]["mappings"] == json::array({"contacts"}));
  CHECK(projects[0]["backfills"] == json::array({"nightly"}));
  CHECK(projects.dump().find(world.mem0.ApiKey()) == std::string::npos);
}

TEST_CASE("the ledger of another state is told, and adopted by admins", "[api][pg][sim][T12]") {
  ApiWorld world;
  CHECK(world.Get("/targets")["targets"][0]["standing"] == "unclaimed");
  world.db.RunScript(
      "UPDATE membridge.belonging SET state = gen_random_uuid(), state_place = '1/1', incarnation = gen_random_uuid(), taken_at "
      "= now()");
  const json target = world.Get("/targets")["targets"][0];
  CHECK(target["standing"] == "another_state");
  CHECK(target["hint"].get<std::string>().find("membridge targets adopt default") != std::string::npos);
  CHECK(world.Call("POST", "/targets/default/adopt", nullptr, test::kOperatorToken).status == 403);
  CHECK(world.Call("POST", "/targets/warehouse/adopt").status == 404);
  CHECK(world.Post("/targets/default/adopt", nullptr) == json{{"target", "default"}, {"adopted", true}});
  CHECK(world.Post("/targets/default/adopt", nullptr) == json{{"target", "default"}, {"adopted", false}});
  CHECK(world.Get("/targets")["targets"][0]["standing"] == "ours");
  CHECK(world.db.Count("membridge.audit WHERE action = 'targets.adopt' AND object = 'default' AND outcome = 'done'") == 2);
}

TEST_CASE("another project at Mem0 is adopted by admins", "[api][pg][sim][M2]") {
  ApiWorld world;
  world.db.Run("INSERT INTO membridge.mem0_projects (project, org_id, project_id) VALUES ('crm', 'org', 'proj_old')");
  const json adopted = world.Post("/projects/crm/adopt", nullptr);
  CHECK(adopted["adopted"] == true);
  CHECK(adopted["project_id"] == world.db.Value("SELECT project_id FROM membridge.mem0_projects"));
  CHECK(world.Post("/projects/crm/adopt", nullptr)["adopted"] == false);
  CHECK(world.Call("POST", "/projects/nobody/adopt").status == 404);
}

TEST_CASE("the overview counts what there is", "[api][pg][sim]") {
  ApiWorld world;
  world.Deliver({"m-1"});
  world.Deliver({"m-2"});
  world.Park("m-3", "duplicate key");
  world.db.Run("UPDATE membridge.deliveries SET received_at = statement_timestamp() - interval '5 minutes'");
  world.db.Run(
      "INSERT INTO membridge.backfill_runs (name, project, kind, state, due_at, queued_at, finished_at, counters) VALUES "
      "('nightly', 'crm', "
      "'full_sweep', 'done', now(), now(), now(), '{\"seen\": 9, \"repaired_added\": 2, \"repaired_deleted\": 1}')");
  const json overview = world.Get("/overview", test::kViewerToken);
  CHECK(overview["deliveries"]["total"] == 2);
  CHECK(overview["deliveries"]["series"].size() == 60);
  CHECK(overview["deliveries"]["step_seconds"] == 60);
  CHECK(overview["queue"]["dirty"] == 2);
  CHECK(overview["queue"]["lag_seconds"] == 0.0015);
  CHECK(overview["parked"] == json{{"memories", 1}, {"groups", 1}});
  CHECK(overview["projects"][0]["last_sweep"]["repaired"] == json{{"added", 2}, {"updated", 0}, {"deleted", 1}});
  CHECK(overview["projects"][1]["last_sweep"].is_null());
  CHECK(overview["projects"][0]["mem0"] == json{{"calls_per_second", 100}, {"most_per_second", 100}, {"paused_seconds", 0}});
  for (const int minutes : {1, 15, 16, 121, 1440}) {
    CAPTURE(minutes);
    const json deliveries = world.Get("/overview?minutes=" + std::to_string(minutes))["deliveries"];
    CHECK(deliveries["window_seconds"].get<int>() >= 60 * minutes);
    CHECK(deliveries["series"].size() * deliveries["step_seconds"].get<std::size_t>() == deliveries["window_seconds"]);
    CHECK(deliveries["series"].size() <= 120);
    CHECK(deliveries["total"] == (minutes == 1 ? 0 : 2));
  }
}

TEST_CASE("deliveries are searched a page at a time", "[api][pg][sim]") {
  ApiWorld world;
  std::set<std::string> stored;
  for (int i = 0; i < 5; ++i) stored.insert(world.Deliver({"m-" + std::to_string(i % 2)}));
  world.Deliver({});
  std::set<std::string> seen;
  std::string cursor;
  do {
    const json page =
        world.Get("/deliveries?verdict=add&limit=2" + (cursor.empty() ? "" : "&cursor=" + cursor), test::kViewerToken);
    for (const json& delivery : page["deliveries"]) CHECK(seen.insert(delivery["id"]).second);
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
  } while (!cursor.empty());
  CHECK(seen == stored);
  CHECK(world.Get("/deliveries?memory=m-1")["deliveries"].size() == 2);
  CHECK(world.Get("/deliveries?project=lab")["deliveries"].empty());
  CHECK(world.Get("/deliveries?since=1h")["deliveries"].size() == 6);
  CHECK(world.Get("/deliveries?until=1h")["deliveries"].empty());
}

TEST_CASE("a delivery's body is for admins, and reading it is written down", "[api][pg][sim]") {
  ApiWorld world;
  const std::string body = R"({"memory":"Grüße, my secret is 42"})";
  const std::string id = world.Deliver({"m-1"}, body);
  const json detail = world.Get("/deliveries/" + id, test::kViewerToken);
  CHECK(detail["body_bytes"] == body.size());
  CHECK(detail["headers"] == json::array({json{{"name", "content-type"}, {"value", "application/json"}}}));
  CHECK(detail.dump().find("secret") == std::string::npos);
  CHECK(world.Call("GET", "/deliveries/" + id + "/body", nullptr, test::kOperatorToken).status == 403);
  const json shown = world.Get("/deliveries/" + id + "/body");
  CHECK(shown["encoding"] == "utf-8");
  CHECK(shown["body"] == body);
  const json entry = world.Audit()[0];
  CHECK(entry["action"] == "delivery.read_body");
  CHECK(entry["actor"] == "config:ada");
  CHECK(entry["object"] == id);
  CHECK(entry["outcome"] == "done");
  CHECK(entry.dump().find("secret") == std::string::npos);
  const std::string bytes = world.Deliver({}, "\xff\xfe");
  CHECK(world.Get("/deliveries/" + bytes + "/body") == json{{"id", bytes}, {"encoding", "base64"}, {"body", "//4="}});
  CHECK(world.Call("GET", "/deliveries/00000000-0000-7000-8000-000000000000/body").status == 404);
}

TEST_CASE("deliveries are replayed by id, and by filter only when counted", "[api][pg][sim]") {
  ApiWorld world;
  const std::string id = world.Deliver({"m-1", "m-2"});
  world.Deliver({"m-3"});
  world.db.Run("DELETE FROM membridge.dirty");
  CHECK(world.Post("/deliveries/" + id + "/replay", nullptr, test::kOperatorToken) ==
        json{{"deliveries", 1}, {"memories", 2}, {"done", true}});
  CHECK(world.db.Count("membridge.dirty WHERE reason = 'manual'") == 2);
  CHECK(world.woken == 1);
  world.db.Run("DELETE FROM membridge.dirty");

  const json filter{{"project", "crm"}};
  CHECK(world.Post("/deliveries/replay", {{"filter", filter}, {"dry_run", true}}) ==
        json{{"deliveries", 2}, {"memories", 3}, {"done", false}});
  CHECK(world.db.Count("membridge.dirty") == 0);
  CHECK(world.db.Count("membridge.audit") == 1);  // a dry run changes nothing
  const auto outgrown = world.Call("POST", "/deliveries/replay", {{"filter", filter}, {"expected_count", 1}});
  CHECK(outgrown.status == 409);
  CHECK(outgrown.body["code"] == "count_changed");
  CHECK(outgrown.body["count"] == 2);
  CHECK(world.Post("/deliveries/replay", {{"filter", filter}, {"expected_count", 2}})["memories"] == 3);
  CHECK(world.db.Count("membridge.dirty WHERE reason = 'manual'") == 3);
  const json entries = world.Audit(3);
  CHECK(entries[0]["detail"] == json{{"deliveries", 2}, {"memories", 3}, {"filter", filter}});
  CHECK(entries[1]["detail"]["code"] == "count_changed");
  CHECK(entries[2]["object"] == id);
}

TEST_CASE("parked memories are grouped without values, shown with them to operators, retried and dropped by group",
          "[api][pg][sim]") {
  ApiWorld world;
  world.Park("m-1", "duplicate key (Key (email)=(ada@example.com) already exists.)");
  world.Park("m-2", "duplicate key (Key (email)=(bob@example.com) already exists.)");
  world.Park("m-3", "value too long");
  const json groups = world.Get("/parked/groups", test::kViewerToken)["groups"];
  REQUIRE(groups.size() == 2);
  CHECK(groups[0]["memories"] == 2);
  CHECK(groups.dump().find("ada@example.com") == std::string::npos);
  CHECK(world.Call("GET", "/parked", nullptr, test::kViewerToken).status == 403);
  const json group = groups[0]["group"];
  const json page = world.Get("/parked?limit=1&group=" + group.get<std::string>(), test::kOperatorToken);
  CHECK(page["memories"][0]["cause"].get<std::string>().find("ada@example.com") != std::string::npos);
  CHECK(page["next"].is_string());

  const json filter{{"group", group}};
  CHECK(world.Post("/parked/retry", {{"filter", filter}, {"dry_run", true}}, test::kOperatorToken) ==
        json{{"memories", 2}, {"done", false}});
  CHECK(world.Post("/parked/retry", {{"filter", filter}, {"expected_count", 2}}, test::kOperatorToken) ==
        json{{"memories", 2}, {"done", true}});
  CHECK(world.db.Count("membridge.dirty WHERE reason = 'manual'") == 2);
  CHECK(world.woken == 1);
  CHECK(world.Audit()[0]["object"] == group);

  CHECK(world.Post("/parked/drop", {{"filter", json::object()}, {"all", true}, {"expected_count", 5}}) ==
        json{{"memories", 3}, {"done", true}});
  CHECK(world.db.Count("membridge.parked") == 0);
  CHECK(world.Get("/audit/verify") ==
        json{{"intact", true}, {"entries", 3}, {"head", world.Audit()[0]["hash"]}, {"broken_at", nullptr}, {"problem", nullptr}});
}

TEST_CASE("blocked memories are a list of their own, for every role, and counted in the overview", "[api][pg][sim][T1]") {
  ApiWorld world;
  CHECK(world.Get("/parked/blocked", test::kViewerToken) == json{{"blocked", 0}, {"memories", json::array()}});
  world.db.Run(
      "INSERT INTO membridge.dirty (bucket, project, memory_id, reason, attempts, last_error, blocked_since) VALUES "
      "(1, 'crm', 'm-1', 'delivery', 2, '55P03 could not obtain lock on row', clock_timestamp() - interval '1 minute'), "
      "(2, 'crm', 'm-2', 'delivery', 1, '40P01 deadlock detected', clock_timestamp()), "
      "(3, 'crm', 'm-3', 'delivery', 1, '55P03 from before', NULL)");
  const json blocked = world.Get("/parked/blocked", test::kViewerToken);
  CHECK(blocked["blocked"] == 2);
  REQUIRE(blocked["memories"].size() == 2);
  CHECK(blocked["memories"][0]["memory"] == "m-1");
  CHECK(blocked["memories"][0]["attempts"] == 2);
  CHECK(world.Get("/parked/blocked?limit=1")["memories"].size() == 1);
  CHECK(world.Get("/parked/blocked?memory=m-2")["memories"][0]["cause"] == "40P01 deadlock detected");
  CHECK(world.Get("/parked/blocked?project=shop")["memories"].empty());
  const json queue = world.Get("/overview")["queue"];
  CHECK(queue["blocked"] == 2);
  CHECK(queue["blocked_oldest_seconds"].get<double>() >= 60);
}

TEST_CASE("a memory is shown with its record, its versions and the rows it wrote", "[api][pg][sim]") {
  ApiWorld world;
  const std::string id = world.Remember("ada", "Name is Ada Lovelace");
  const std::string path = "/projects/crm/memories/" + id;
  const json listed = world.Get("/memories?user=ada&memory=" + id.substr(0, 8), test::kViewerToken);
  REQUIRE(listed["memories"].size() == 1);
  CHECK(listed["memories"][0]["memory"] == id);
  CHECK(listed["memories"][0]["state"] == "live");
  const json detail = world.Get(path, test::kViewerToken);
  CHECK(detail["dirty"].is_null());
  CHECK(detail["applied"] == true);
  CHECK(detail["deliveries"].size() == 1);
  CHECK(detail.dump().find("Lovelace") == std::string::npos);

  CHECK(world.Call("GET", path + "/record", nullptr, test::kViewerToken).status == 403);
  CHECK(world.Get(path + "/record", test::kOperatorToken)["record"]["memory"] == "Name is Ada Lovelace");
  world.mem0.Update(id, "Name is Augusta Ada King", false);
  const json versions = world.Get(path + "/history", test::kOperatorToken)["versions"];
  REQUIRE(versions.size() == 2);
  CHECK(versions[0]["event"] == "ADD");
  CHECK(versions[1]["old_text"] == "Name is Ada Lovelace");
  CHECK(versions[1]["new_text"] == "Name is Augusta Ada King");

  const json rows = world.Get(path + "/lineage", test::kOperatorToken)["rows"];
  REQUIRE_FALSE(rows.empty());
  CHECK(rows[0]["table"] == "crm.contacts");
  CHECK(rows[0]["mapping"] == "contacts");
  CHECK(rows.dump().find("Ada Lovelace") != std::string::npos);

  const json why = world.Get(
      "/why?table=crm.contacts&key=" + world.db.Value("SELECT id FROM crm.contacts WHERE user_ref = 'ada'") + "&column=name");
  CHECK(why["target"] == "default");
  CHECK(why["cells"][0]["current"] == "Ada Lovelace");
  CHECK(why["cells"][0]["claims"][0]["memory"] == id);

  world.mem0.Delete(id, false);
  world.Deliver({id});
  CHECK(test::Eventually([&] {
    world.Settle();
    return world.Get(path)["state"] == "gone";
  }));
  CHECK(world.Get(path + "/record")["record"].is_null());
  CHECK(world.Call("GET", "/projects/crm/memories/none").status == 404);
  CHECK(world.Call("GET", "/why?table=crm.nothing&key=1").status == 404);
}

TEST_CASE("memories are listed a page at a time", "[api][pg][sim]") {
  ApiWorld world;
  world.db.Run(
      "INSERT INTO membridge.memories (bucket, project, memory_id, read_at) SELECT n % 64, 'crm', 'm_' || n, now() FROM "
      "generate_series(1, 7) AS n");
  std::set<std::string> seen;
  std::string cursor;
  do {
    const json page = world.Get("/memories?limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor));
    for (const json& memory : page["memories"]) CHECK(seen.insert(memory["memory"]).second);
    // A cursor is opaque and need not be fit for a URL as it is.
    cursor.clear();
    if (!page["next"].is_null()) {
      for (const char c : page["next"].get<std::string>())
        cursor += c == '"' ? "%22" : c == '[' ? "%5B" : c == ']' ? "%5D" : std::string{c};
    }
  } while (!cursor.empty());
  CHECK(seen.size() == 7);
  CHECK(world.Get("/memories?memory=m_1")["memories"].size() == 1);
  CHECK(world.Get("/memories?memory=m%25")["memories"].empty());
}

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

TEST_CASE("runs come a page at a time, each once, whatever begins meanwhile", "[api][pg][sim]") {
  ApiWorld world;
  const auto run = [&](int count) {
    world.db.Run(
        "INSERT INTO membridge.backfill_runs (name, project, kind, state, due_at, queued_at, finished_at, counters) SELECT "
        "'nightly', 'crm', 'full_sweep', 'done', now(), now(), now(), '{}' FROM generate_series(1, $1::int)",
        {std::to_string(count)});
  };
  run(7);
  std::vector<std::int64_t> seen;
  std::string cursor;
  do {
    const json page = world.Get("/runs?name=nightly&limit=3" + (cursor.empty() ? "" : "&cursor=" + cursor), test::kViewerToken);
    CHECK(page["runs"].size() == (seen.size() < 6 ? 3 : 1));
    for (const json& one : page["runs"]) seen.push_back(one["id"]);
    cursor = page["next"].is_null() ? "" : page["next"].get<std::string>();
    run(1);
  } while (!cursor.empty());
  CHECK(seen == std::vector<std::int64_t>{7, 6, 5, 4, 3, 2, 1});
  for (const char* wrong : {"x", "-1", "99999999999999999999", "9999999999999999999"})
    CHECK(world.Call("GET", std::string{"/runs?cursor="} + wrong).body["code"] == "bad_cursor");
}

TEST_CASE("the last hour of the overview's numbers is kept, and no more", "[api][pg][sim]") {
  ApiWorld world;
  CHECK(world.Get("/overview/recent", test::kViewerToken)["lag_seconds"].empty());
  world.recent.Take({.lag_seconds = std::nullopt, .parked = 1, .calls_per_second = {{"crm", 100}, {"lab", 5}}});
  for (int i = 0; i < 400; ++i)
    world.recent.Take({.lag_seconds = 0.5, .parked = 2, .calls_per_second = {{"crm", i}, {"lab", 5}}});
  const json recent = world.Get("/overview/recent", test::kViewerToken);
  CHECK(recent["step_seconds"] == 10);
  CHECK(recent["lag_seconds"] == json(std::vector<double>(360, 0.5)));
  CHECK(recent["parked"].size() == 360);
  REQUIRE(recent["projects"].size() == 2);
  CHECK(recent["projects"][0]["project"] == "crm");
  CHECK(recent["projects"][0]["calls_per_second"].front() == 40);
  CHECK(recent["projects"][0]["calls_per_second"].back() == 399);
}

TEST_CASE("the overview tells how long deliveries take to become rows, and what became of memories", "[api][pg][sim]") {
  ApiWorld world;
  CHECK(world.Get("/overview", test::kViewerToken)["lag"]["p50_seconds"].is_null());
  // What was long ago does not count: a slow hour, then a minute in which all took less than 50 ms.
  world.lags.counts[20] = 1000;
  for (int i = 0; i < 361; ++i)
    world.recent.Take({.lag_seconds = 1, .parked = 0, .calls_per_second = {}, .lags = world.lags, .fates = {1000, 5, 0, 0, 0}});
  world.lags.counts[2] = 40;
  world.recent.Take({.lag_seconds = 1, .parked = 0, .calls_per_second = {}, .lags = world.lags, .fates = {1040, 5, 1, 2, 0}});
  const json lag = world.Get("/overview", test::kViewerToken)["lag"];
  CHECK(lag["memories"] == 40);
  CHECK(lag["window_seconds"] == 3600);
  CHECK(lag["p99_seconds"].get<double>() <= 0.05);
  const json recent = world.Get("/overview/recent", test::kViewerToken);
  CHECK(recent["lag"]["p50"].size() == 360);
  CHECK(recent["lag"]["p50"][358].is_null());
  CHECK(recent["lag"]["p50"][359].get<double>() <= 0.05);
  CHECK(recent["outcomes"]["applied"][359] == 40);
  CHECK(recent["outcomes"]["applied"][358] == 0);
  CHECK(recent["outcomes"]["parked"][359] == 2);
  CHECK(recent["outcomes"]["withdrawn"][359] == 1);
}

TEST_CASE("beyond an hour the state tells what all processes did, for a week", "[api][pg][operate]") {
  ApiWorld world;
  const json hour = world.Get("/overview/recent?minutes=15", test::kViewerToken);
  CHECK(hour["source"] == "process");
  {
    sync::postgres::Session session{world.db.Dsn(), "test"};
    sync::postgres::Transaction transaction = session.Begin();
    sync::HistoryStep step{.at = SystemClock{}.Now() - std::chrono::hours{30}, .deliveries = 5, .fates = {4, 0, 0, 1, 0}};
    step.lags.counts[2] = 4;
    step.parked = 1;
    sync::History{transaction}.Add(step);
    transaction.Commit();
  }
  const auto sum = [](const json& counts) {
    const auto numbers = counts.get<std::vector<int>>();
    return std::accumulate(numbers.begin(), numbers.end(), 0);
  };
  const json day = world.Get("/overview/recent?minutes=1440", test::kViewerToken);
  CHECK(day["source"] == "state");
  CHECK(day["step_seconds"] == 300);
  CHECK(day["deliveries"].size() == 289);
  CHECK(sum(day["deliveries"]) == 0);
  CHECK(day["whole"]["p50_seconds"].is_null());
  const json week = world.Get("/overview/recent?minutes=10080", test::kViewerToken);
  CHECK(week["step_seconds"] == 3600);
  CHECK(week["deliveries"].size() == 169);
  CHECK(sum(week["deliveries"]) == 5);
  CHECK(sum(week["outcomes"]["applied"]) == 4);
  CHECK(sum(week["parked"]) == 1);
  CHECK(week["whole"]["memories"] == 4);
  CHECK(week["whole"]["p99_seconds"].get<double>() <= 0.05);
  CHECK(world.Call("GET", "/overview/recent?minutes=10081", nullptr, test::kViewerToken).status == 400);
}

TEST_CASE("one call tells all of the overview", "[api][pg][sim]") {
  ApiWorld world;
  CHECK(world.Get("/overview", test::kViewerToken)["has_memories"] == false);
  const std::string ada = world.Remember("ada", "Works at Initech");
  world.Park(ada, "it is");
  std::string newest;
  for (int i = 0; i < 10; ++i) newest = world.Deliver({ada});
  const json overview = world.Get("/overview", test::kViewerToken);
  CHECK(overview["has_memories"] == true);
  CHECK(overview["latest"].size() == 8);
  CHECK(overview["latest"][0]["id"] == newest);
  REQUIRE(overview["causes"].size() == 1);
  CHECK(overview["causes"][0]["memories"] == 1);
}

TEST_CASE("backfills are started, paused, resumed and cancelled", "[api][pg][sim]") {
  ApiWorld world;
  const json backfill = world.Get("/backfills", test::kViewerToken)["backfills"][0];
  CHECK(backfill["name"] == "nightly");
  CHECK(backfill["next_at"].is_string());
  CHECK(backfill["active"].is_null());
  const json run = world.Post("/backfills/nightly/runs", {{"dry_run", true}}, test::kOperatorToken);
  CHECK(run["state"] == "queued");
  CHECK(run["dry_run"] == true);
  CHECK(world.backfills_woken == 1);
  CHECK(world.Call("POST", "/backfills/nightly/runs", json::object()).status == 409);
  CHECK(world.Call("POST", "/backfills/nothing/runs", json::object()).status == 404);
  const std::string path = "/runs/" + run["id"].dump();
  CHECK(world.Get("/backfills")["backfills"][0]["active"]["id"] == run["id"]);
  CHECK(world.Post(path + "/pause", nullptr)["state"] == "paused");
  CHECK(world.Post(path + "/resume", nullptr)["state"] == "queued");
  CHECK(world.Post(path + "/cancel", nullptr)["state"] == "cancelled");
  CHECK(world.Call("POST", path + "/cancel").status == 409);
  CHECK(world.Get(path)["finished_at"].is_string());
  CHECK(world.Get("/runs?name=nightly")["runs"].size() == 1);
  CHECK(world.Get("/runs?name=nightly")["next"].is_null());
  CHECK(world.Post("/backfills/nightly/pause", nullptr)["paused_at"].is_string());
  CHECK(world.Post("/backfills/nightly/resume", nullptr)["paused_at"].is_null());
  CHECK(world.Call("POST", "/backfills/nightly/resume").status == 409);
  CHECK(world.Call("POST", "/backfills/nothing/pause").status == 404);
  CHECK(world.Call("GET", "/runs/987654").status == 404);

  const json sweep = world.Post("/sweeps", {{"project", "crm"}, {"kind", "incremental"}, {"since", "2d"}});
  CHECK(sweep["kind"] == "incremental_sweep");
  CHECK(
      world.Call("POST", "/sweeps", {{"project", "crm"}, {"kind", "full"}, {"since", "soon"}}).body["fields"].contains("since"));
  const json entries = world.Audit(20);
  std::vector<std::string> said;
  for (const json& entry : entries)
    said.push_back(entry["action"].get<std::string>() + " " + entry["object"].get<std::string>() + " " +
                   entry["outcome"].get<std::string>());
  const std::string id = run["id"].dump();
  CHECK(said == std::vector<std::string>{"sweep.run crm refused", "sweep.run crm done", "schedule.pause nothing refused",
                                         "schedule.resume nightly refused", "schedule.resume nightly done",
                                         "schedule.pause nightly done", "backfill.cancel " + id + " refused",
                                         "backfill.cancel " + id + " done", "backfill.resume " + id + " done",
                                         "backfill.pause " + id + " done", "backfill.run nothing refused",
                                         "backfill.run nightly refused", "backfill.run nightly done"});
}

TEST_CASE("tokens are issued once, used, listed without their secret, and revoked", "[api][pg][sim]") {
  ApiWorld world;
  const json issued = world.Post("/tokens", {{"name", "ci"}, {"role", "operator"}, {"expires_in_days", 30}});
  const std::string secret = issued["token"];
  CHECK(secret.size() == 43);
  CHECK(world.Get("/session", secret)["name"] == "ci");
  CHECK(world.Get("/session", secret)["kept_in"] == "database");
  CHECK(world.Call("POST", "/tokens", {{"name", "ci"}, {"role", "viewer"}}).status == 409);
  CHECK(world.Call("POST", "/tokens", {{"name", "x"}, {"role", "viewer"}}, secret).status == 403);
  const json tokens = world.Get("/tokens")["tokens"];
  CHECK(tokens[0]["kept_in"] == "configuration");
  const auto used = [](const json& token) { return token["last_used"].is_string(); };
  CHECK(std::any_of(tokens.begin(), tokens.end(),
                    [&](const json& token) { return token["kept_in"] == "configuration" && used(token); }));
  REQUIRE(tokens.size() == 4);
  CHECK(tokens[3]["id"] == issued["id"]);
  CHECK(tokens[3]["created_by"] == "config:ada");
  CHECK(tokens[3]["last_used"].is_string());
  CHECK(tokens.dump().find(secret) == std::string::npos);
  CHECK(tokens.dump().find(test::kAdminToken) == std::string::npos);
  CHECK(world.db.Count("membridge.admin_tokens WHERE row_to_json(admin_tokens)::text LIKE '%" + secret + "%'") == 0);

  const std::string path = "/tokens/" + issued["id"].get<std::string>();
  CHECK(world.Call("DELETE", path).body["revoked_at"].is_string());
  CHECK(world.Call("GET", "/session", nullptr, secret).status == 401);
  CHECK(world.Call("DELETE", path).status == 409);
  CHECK(world.Call("DELETE", "/tokens/none").status == 404);
  const json again = world.Post("/tokens", {{"name", "ci"}, {"role", "viewer"}});
  world.db.Run("UPDATE membridge.admin_tokens SET expires_at = now() - interval '1 second' WHERE id::text = $1",
               {again["id"].get<std::string>()});
  CHECK(world.Call("GET", "/session", nullptr, again["token"].get<std::string>()).status == 401);
  CHECK(world.Post("/tokens", {{"name", "ci"}, {"role", "viewer"}})["name"] == "ci");

  const json entry = world.Get("/audit?action=token.create&outcome=done&actor=config:ada")["entries"][2];
  CHECK(entry["object"] == "ci");
  CHECK(entry["detail"] == json{{"role", "operator"}, {"id", issued["id"]}});
  CHECK(world.Audit(20).dump().find(secret) == std::string::npos);
}

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

TEST_CASE("Mem0 that is away or refuses the key is told apart from our own faults", "[api][pg][sim]") {
  ApiWorld world;
  const auto wrong_key = world.Call("GET", "/projects/lab/webhooks");
  CHECK(wrong_key.status == 502);
  CHECK(wrong_key.body["code"] == "mem0_unauthorized");
  world.mem0.SetFaults({{"server_error", 1.0}});
  const auto away = world.Call("GET", "/projects/crm/webhooks");
  CHECK(away.status == 502);
  CHECK(away.body["code"] == "mem0_unavailable");
}
