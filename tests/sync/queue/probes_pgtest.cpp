#include <algorithm>

#include "sync/apply/ledger.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/queue.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/queue/claiming.hpp"
#include "tests/sync/rows_read.hpp"

namespace membridge {
namespace {

using sync::postgres::Session;
using sync::postgres::Transaction;
using test::InTransaction;
using test::kCrm;
using test::PgDatabase;
using test::RowsRead;

constexpr int kMemories = 6'000;
constexpr int kBatch = 100;

/// A queue, a mirror and a ledger of many memories, of which PostgreSQL believes that they are empty: they were vacuumed when
/// they were, and filled since.
void FillUnnoticed(const PgDatabase& db) {
  for (const char* table : {"dirty", "memories", "rows", "contributions"})
    db.RunScript(std::string{"ALTER TABLE membridge."} + table + " SET (autovacuum_enabled = off)");
  db.Run(
      "INSERT INTO membridge.rows (relation, identity) SELECT 'public.notes', jsonb_build_object('id', i::text) "
      "FROM generate_series(1, $1::integer) AS i",
      {std::to_string(kMemories)});
  db.RunScript(
      "INSERT INTO membridge.contributions (row_id, project, mapping, source, name, stamp, cells) "
      "SELECT id, 'crm', 'notes', 'm-' || (identity ->> 'id'), 'note', now(), '{}' FROM membridge.rows");
  std::vector<std::string> memories;
  for (int i = 1; i <= kMemories; ++i) memories.push_back("m-" + std::to_string(i));
  test::Mark(db, memories, "reproject");
  db.RunScript(
      "INSERT INTO membridge.memories (bucket, project, memory_id, record, digest, read_at) "
      "SELECT bucket, project, memory_id, '{}', 'd', now() FROM membridge.dirty");
  for (const char* table : {"dirty", "memories", "rows", "contributions"})
    db.Run("UPDATE pg_catalog.pg_class SET reltuples = 0, relpages = 10 WHERE oid = ('membridge.' || $1)::regclass", {table});
}

/// Claims until a batch is together.
std::vector<sync::Claim> ClaimBatch(Transaction& transaction) {
  sync::Queue queue{transaction};
  return queue.ClaimDue(queue.DueBuckets(), kBatch, std::chrono::seconds{60});
}

}  // namespace

TEST_CASE("a batch reads its own rows, also of tables that pass for empty", "[sync][pg]") {
  const PgDatabase db;
  FillUnnoticed(db);
  Session session = db.Session();
  const std::vector<sync::Claim> claims = InTransaction(session, ClaimBatch);
  REQUIRE(claims.size() == kBatch);
  constexpr std::int64_t kFew = 12 * kBatch;

  SECTION("the queue") {
    Transaction transaction = session.Begin();
    sync::Queue queue{transaction};
    CHECK(queue.StillOurs(claims).size() == kBatch);
    std::vector<std::pair<sync::Claim, sync::Settlement>> settlements;
    for (const sync::Claim& claim : claims) settlements.emplace_back(claim, sync::Settlement{});
    queue.Settle(settlements);
    CHECK(RowsRead(transaction, "^dirty$") < kFew);
    transaction.Commit();
    CHECK(db.Count("membridge.dirty") == kMemories - kBatch);
  }
  SECTION("what is due next") {
    Transaction transaction = session.Begin();
    CHECK(ClaimBatch(transaction).size() == kBatch);
    CHECK(RowsRead(transaction, "^dirty$") < kFew);
    CHECK(sync::Queue{transaction}.NextDue() == std::chrono::milliseconds{0});
  }
  SECTION("the mirror") {
    Transaction transaction = session.Begin();
    const auto mirrored = sync::Mirror{transaction}.LookUp(claims);
    CHECK(std::count_if(mirrored.begin(), mirrored.end(), [](const auto& one) { return one.has_value(); }) == kBatch);
    CHECK(RowsRead(transaction, "^memories$") < kFew);
  }
  SECTION("the ledger") {
    Transaction transaction = session.Begin();
    std::vector<sync::Source> sources;
    std::vector<nlohmann::json> identities;
    for (const sync::Claim& claim : claims) {
      sync::Source source;
      source.project = kCrm;
      source.id = claim.memory.Text();
      sources.push_back(source);
      identities.push_back({{"id", claim.memory.Text().substr(2)}});
    }
    sync::Ledger ledger{transaction};
    CHECK(ledger.ContributionsOf("notes", sources).size() == kBatch);
    std::vector<std::int64_t> ids;
    for (const sync::LedgerRow& row : ledger.RowsOf("public.notes", identities)) ids.push_back(row.id);
    CHECK(std::count(ids.begin(), ids.end(), 0) == 0);
    CHECK(ledger.ContributionsTo(ids).size() == kBatch);
    CHECK(RowsRead(transaction, "^rows$") < kFew);
    CHECK(RowsRead(transaction, "^contributions$") < kFew);
  }
}

}  // namespace membridge
