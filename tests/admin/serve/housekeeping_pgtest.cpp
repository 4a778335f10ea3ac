#include "admin/serve/housekeeping.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;

void Park(const test::PgDatabase& db, const std::string& memory, const std::string& age) {
  db.Run(
      "INSERT INTO membridge.parked (project, memory_id, mapping, code, cause, parked_at) "
      "VALUES ('crm', $1, 'contacts', 'row_rejected', 'does not fit', now() - $2::interval)",
      {memory, age});
}

void FinishRun(const test::PgDatabase& db, const std::string& name, const std::string& age) {
  db.Run(
      "INSERT INTO membridge.backfill_runs (name, project, kind, state, due_at, queued_at, scheduled_for, finished_at) "
      "SELECT $1, 'crm', 'full_sweep', 'done', t, t, t, t FROM (SELECT now() - $2::interval) AS at(t)",
      {name, age});
}

}  // namespace

TEST_CASE("housekeeping forgets parked memories and finished runs when their time is over", "[housekeeping][pg]") {
  const test::PgDatabase db;
  Park(db, "old", "31 days");
  Park(db, "new", "29 days");
  FinishRun(db, "sweep", "11 days");
  FinishRun(db, "sweep", "9 days");
  db.Run(
      "INSERT INTO membridge.backfill_schedules (name, schedule, since) VALUES ('sweep', '0 3 * * * UTC', now() - interval '1 "
      "year')");
  db.Run(
      "INSERT INTO membridge.backfill_runs (name, project, kind, state, due_at, queued_at) "
      "VALUES ('export', 'crm', 'export', 'paused', now() - interval '20 days', now() - interval '20 days')");
  Config config;
  config.keep_parked = 24h * 30;
  config.keep_runs = 24h * 10;
  const SystemClock clock;
  Metrics metrics;
  sync::WakeUp wake_up;
  const Housekeeping housekeeping{config, db.Dsn(), clock, metrics, wake_up};
  CHECK(test::Eventually([&] { return db.Count("membridge.parked") == 1 && db.Count("membridge.backfill_runs") == 2; }));
  CHECK(db.Value("SELECT memory_id FROM membridge.parked") == "new");
  CHECK(db.Count("membridge.backfill_runs WHERE state = 'paused'") == 1);  // not over, however old
  // The schedule goes on counting from the run that is forgotten.
  CHECK(db.Count(
            "membridge.backfill_schedules WHERE since < now() - interval '10 days' AND since > now() - interval '12 days'") == 1);
}

}  // namespace membridge::admin
