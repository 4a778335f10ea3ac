#include "sync/feed/control.hpp"

#include "sync/feed/wanted.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

/// What the position of the feed $1 has not passed yet.
const std::string kOfThoseAhead = std::string{R"sql(
      FROM membridge.feeds f, membridge.changes c
      WHERE f.name = $1 AND c.xid >= pg_snapshot_xmin(f.done) AND NOT )sql"} +
                                  kPassed;
/// Entries of rows that wait; those of them that the position has passed are waiting, too.
constexpr const char* kHeld = R"sql(
      SELECT c.at FROM membridge.feed_parked p, membridge.feeds f, membridge.changes c
      WHERE p.feed = $1 AND f.name = $1 AND c.seq >= p.seq AND c.relation = p.relation AND c.key = p.key)sql";

}  // namespace

FeedStanding FeedControl::Standing() {
  FeedStanding standing;
  auto params = NameAndFilter(endpoint_);
  params.emplace_back(std::to_string(FeedStanding::kMostCounted));
  const Rows waiting = there_.Run("SELECT count(*), min(w.at) FROM ((SELECT c.at" + kOfThoseAhead + kWanted + ") UNION ALL (" +
                                      kHeld + " AND " + kPassed + kWanted + ") LIMIT $5::bigint) AS w",
                                  params);
  standing.waiting = waiting.Int(0, 0);
  standing.oldest = postgres::OptionalTimeAt(waiting, 0, 1);
  const Rows row = there_.Run(
      "SELECT attempts, message, failing_since, next_at, paused_at, posted_at, coalesce(paused_by, ''), coalesce(last_status, "
      "0), "
      "coalesce(last_error, ''), posted FROM membridge.feeds WHERE name = $1",
      {endpoint_.name});
  if (row.empty()) return standing;
  standing.attempts = static_cast<int>(row.Int(0, 0));
  standing.message = row.Optional(0, 1);
  standing.failing_since = postgres::OptionalTimeAt(row, 0, 2);
  standing.next_at = postgres::OptionalTimeAt(row, 0, 3);
  standing.paused_at = postgres::OptionalTimeAt(row, 0, 4);
  standing.posted_at = postgres::OptionalTimeAt(row, 0, 5);
  standing.paused_by = row.Text(0, 6);
  standing.last_status = row.Int(0, 7);
  standing.last_error = row.Text(0, 8);
  standing.posted = row.Int(0, 9);
  Transaction transaction = there_.Begin();
  standing.parked = ParkedChanges{transaction, endpoint_.name}.All();
  return standing;
}

bool FeedControl::Pause() {
  return there_
             .Run(
                 "UPDATE membridge.feeds SET paused_at = clock_timestamp(), paused_by = 'operator' WHERE name = $1 AND paused_at "
                 "IS "
                 "NULL",
                 {endpoint_.name})
             .Affected() > 0;
}

bool FeedControl::Resume(bool skip) {
  Transaction transaction = there_.Begin();
  const auto changed =
      transaction
          .Run(
              "UPDATE membridge.feeds SET paused_at = NULL, paused_by = NULL, next_at = NULL, failing_since = NULL, attempts = "
              "0, "
              "last_seq = CASE WHEN $2::boolean THEN coalesce(message_seq, last_seq) ELSE last_seq END, "
              "message = CASE WHEN NOT $2::boolean THEN message END, message_seq = CASE WHEN NOT $2::boolean THEN message_seq "
              "END "
              "WHERE name = $1 AND (paused_at IS NOT NULL OR next_at IS NOT NULL OR ($2::boolean AND message IS NOT NULL))",
              {endpoint_.name, skip ? "t" : "f"})
          .Affected();
  ParkedChanges parked{transaction, endpoint_.name};
  const std::size_t freed = skip ? parked.SkipAll() : parked.RetryAll();
  transaction.Commit();
  return changed + freed > 0;
}

std::int64_t FeedControl::CountSince(Instant since) {
  auto params = NameAndFilter(endpoint_);
  params.emplace_back(FormatRfc3339(since));
  return there_
      .Run(
          std::string{
              "SELECT count(*) FROM membridge.feeds f, membridge.changes c WHERE f.name = $1 AND c.at >= $5::timestamptz AND "} +
              kPassed +
              " AND NOT EXISTS (SELECT FROM membridge.feed_parked p WHERE p.feed = $1 AND p.relation = c.relation AND p.key = "
              "c.key "
              "AND p.seq <= c.seq)" +
              kWanted,
          params)
      .Int(0, 0);
}

void FeedControl::Replay(Instant since) {
  Transaction transaction = there_.Begin();
  transaction.Run(
      std::string{
          "UPDATE membridge.feeds f SET done = '1:1:', upto = pg_current_snapshot(), message = NULL, message_seq = NULL, "
          "attempts = 0, next_at = NULL, failing_since = NULL, "
          "end_seq = coalesce((SELECT max(seq) FROM membridge.changes), 0), "
          "last_seq = coalesce(least((SELECT min(seq) FROM membridge.changes WHERE at >= $2::timestamptz), (SELECT min(c.seq)"} +
          kOfThoseAhead +
          "), (SELECT min(seq) FROM membridge.feed_parked WHERE feed = $1), (SELECT max(seq) + 1 FROM membridge.changes)) - 1, "
          "0) "
          "WHERE name = $1",
      {endpoint_.name, FormatRfc3339(since)});
  ParkedChanges{transaction, endpoint_.name}.Forget();
  transaction.Commit();
}

}  // namespace membridge::sync
