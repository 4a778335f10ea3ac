// What the admin API answers and does about deliveries and memories. ApiWorld compares every answer with the document.
#include <set>

#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

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
  CHECK(world.Get("/audit/verify") == json{{"intact", true},
                                           {"entries", 3},
                                           {"head", world.Audit()[0]["hash"]},
                                           {"broken_at", nullptr},
                                           {"problem", nullptr},
                                           {"sealed", 0}});
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
