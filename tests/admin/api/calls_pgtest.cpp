// What the admin API answers and does about sessions, projects, the overview and tokens. ApiWorld compares every answer with the
// document.
#include <numeric>

#include "sync/worker/history.hpp"
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

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
  CHECK(session["self_hosted"].empty());
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

TEST_CASE("the last hour of the overview's numbers is kept, and no more", "[api][pg][sim]") {
  ApiWorld world;
  CHECK(world.Get("/overview/recent", test::kViewerToken)["lag_seconds"].empty());
  world.recent.Take({.lag_seconds = std::nullopt, .parked = 1, .calls_per_second = {{"crm", 100}, {"lab", 5}}});
  for (int i = 0; i < 400; ++i)
    world.recent.Take({.lag_seconds = 0.5,
                       .parked = 2,
                       .calls_per_second = {{"crm", i}, {"lab", 5}},
                       .calls_made = {{"crm", static_cast<std::uint64_t>(20 * i)}}});
  const json recent = world.Get("/overview/recent", test::kViewerToken);
  CHECK(recent["step_seconds"] == 10);
  CHECK(recent["lag_seconds"] == json(std::vector<double>(360, 0.5)));
  CHECK(recent["parked"].size() == 360);
  REQUIRE(recent["projects"].size() == 2);
  CHECK(recent["projects"][0]["project"] == "crm");
  CHECK(recent["projects"][0]["calls_per_second"].front() == 40);
  CHECK(recent["projects"][0]["calls_per_second"].back() == 399);
  CHECK(recent["projects"][0]["used_per_second"].back() == 2);
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
