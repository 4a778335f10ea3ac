// What the admin API answers and does about backfills and their runs. ApiWorld compares every answer with the document.
#include "tests/admin/api/api_world.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using nlohmann::json;
using test::ApiWorld;

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
