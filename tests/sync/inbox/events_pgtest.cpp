// Events beside very many others.
#include <string>
#include <vector>

#include "sync/inbox/events.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/postgres.hpp"

namespace membridge {
namespace {

using sync::Claim;
using sync::Event;
using sync::Events;
using sync::postgres::Session;
using sync::postgres::Transaction;

/// Puts `count` events of as many memories there: the ids end with their number, from 0.
void Queue(const test::PgDatabase& db, int count) {
  db.Run(
      "INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at) "
      "SELECT 3, 'crm', 'm-' || n, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, gen_random_uuid(), 'ADD', now() "
      "FROM generate_series(0, $1::int - 1) AS n",
      {std::to_string(count)});
}

std::pair<Claim, Event> EventNumber(int number, std::vector<std::string> parked = {}) {
  Claim claim;
  claim.project = ProjectId{"crm"};
  claim.memory = MemoryId{"m-" + std::to_string(number)};
  claim.bucket = 3;
  Event event;
  const std::string digits = std::to_string(number);
  event.id = "00000000-0000-4000-8000-" + std::string(12 - digits.size(), '0') + digits;
  event.parked = std::move(parked);
  return {claim, event};
}

}  // namespace

TEST_CASE("to settle a few events no others are read, even by plans from when there were none", "[sync][pg][growth]") {
  const test::PgDatabase db;
  Queue(db, 4);
  db.Run("DELETE FROM membridge.events");
  // What a vacuum leaves while somebody holds the end of the table: pages, and no row.
  db.Session().RunAlone("VACUUM (ANALYZE, TRUNCATE false) membridge.events");
  Session session{db.Dsn()};
  session.KeepPlans();
  /// Returns how many events were read, by sequential scans and by indexes.
  const auto settle = [&](const std::vector<std::pair<Claim, Event>>& events) {
    Transaction transaction = session.Begin();
    Events{transaction}.Settle(events, {"calls"});
    const auto read = transaction
                          .Run(
                              "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) FROM pg_stat_xact_user_tables "
                              "WHERE relid = 'membridge.events'::regclass")
                          .Int(0, 0);
    transaction.Commit();
    return read;
  };
  for (int time = 0; time < 3; ++time) settle({EventNumber(0), EventNumber(1)});  // the plan is kept from the second on
  Queue(db, 5000);
  std::vector<std::pair<Claim, Event>> events;
  for (int number = 0; number < 10; ++number) events.push_back(EventNumber(number));
  for (int number = 10; number < 20; ++number) events.push_back(EventNumber(number, {"calls"}));
  CHECK(settle(events) <= 100);
  CHECK(db.Count("membridge.events") == 4990);
  CHECK(db.Count("membridge.events WHERE parked = '{calls}'") == 10);
}

}  // namespace membridge
