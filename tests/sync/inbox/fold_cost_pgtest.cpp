#include <string>
#include <vector>

#include "sync/inbox/postgres_inbox.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/inbox/delivering.hpp"
#include "tests/sync/rows_read.hpp"

namespace membridge {
namespace {

using sync::Delivery;
using sync::PostgresInbox;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::DeliveryOf;
using test::PgDatabase;
using test::RowsRead;

constexpr int kBurst = 2000;

/// How many rows of the tables with these names one fold reads, on a connection whose plans are made.
std::int64_t ReadByOneFold(Session& session, const std::string& names) {
  Transaction transaction = session.Begin();
  const std::int64_t before = RowsRead(transaction, names);
  transaction.Run("SELECT * FROM membridge.fold_journal(100000, '{}')");
  const std::int64_t read = RowsRead(transaction, names) - before;
  transaction.Commit();
  return read;
}

void StoreEach(PostgresInbox& inbox, int first, int end) {
  std::vector<Delivery> deliveries;
  for (int n = first; n < end; ++n) deliveries.push_back(DeliveryOf(n, {"memory-" + std::to_string(n)}));
  REQUIRE(inbox.Accept(deliveries).has_value());
}

TEST_CASE("a fold whose plans were made when day and queue were empty reads no more than what is new", "[sync][pg][fold]") {
  const PgDatabase db;
  PostgresInbox inbox{db.Dsn()};
  StoreEach(inbox, 0, 1);
  Session session = db.Session();
  // What autovacuum leaves of a queue that is empty, as it mostly is.
  ReadByOneFold(session, ".");
  session.Run("DELETE FROM membridge.dirty");
  session.RunAlone("VACUUM ANALYZE membridge.dirty");
  StoreEach(inbox, 1, 2);
  ReadByOneFold(session, ".");

  StoreEach(inbox, 2, kBurst);
  CHECK(ReadByOneFold(session, "^deliveries_") < 2 * kBurst);
  StoreEach(inbox, kBurst, kBurst + 1);
  CHECK(ReadByOneFold(session, "^deliveries_") < 20);
  StoreEach(inbox, 0, 50);  // marked already
  CHECK(ReadByOneFold(session, "^dirty$") < 20 * 50);
}

}  // namespace
}  // namespace membridge
