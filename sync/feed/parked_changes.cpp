#include "sync/feed/parked_changes.hpp"

#include "mappings/base/exact_json.hpp"
#include "sync/feed/wanted.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

constexpr const char* kColumns =
    "p.message::text, p.seq, p.relation, p.key::text, p.since, p.attempts, p.next_at, p.last_status, p.last_error";

/// Followed by which parked changes are meant. What comes next of a row is an entry that the feed has passed and that its filter
/// wants.
const std::string kAdvanceBegin = std::string{R"sql(
    WITH done AS MATERIALIZED (
      SELECT p.feed, p.seq, n.seq AS next_seq, n.id
      FROM membridge.feed_parked p JOIN membridge.feeds f ON f.name = p.feed
      LEFT JOIN LATERAL (
        SELECT c.seq, c.id FROM membridge.changes c
        WHERE c.seq > p.seq AND c.relation = p.relation AND c.key = p.key AND )sql"} +
                                  kPassed + R"sql(
          AND (NOT f.filter ? 'tables' OR f.filter -> 'tables' ? c.relation)
          AND (NOT f.filter ? 'mappings' OR f.filter -> 'mappings' ? c.mapping)
          AND (NOT f.filter ? 'ops' OR f.filter -> 'ops' ? c.op)
        ORDER BY c.seq LIMIT 1) AS n ON true
      WHERE )sql";
constexpr const char* kAdvanceEnd = R"sql(),
    free AS (
      DELETE FROM membridge.feed_parked p USING done d WHERE p.feed = d.feed AND p.seq = d.seq AND d.next_seq IS NULL RETURNING 1)
    UPDATE membridge.feed_parked p
    SET seq = d.next_seq, message = d.id, attempts = 0, next_at = NULL, last_status = NULL, last_error = NULL
    FROM done d WHERE p.feed = d.feed AND p.seq = d.seq AND d.next_seq IS NOT NULL)sql";
constexpr const char* kIsLost = "NOT EXISTS (SELECT FROM membridge.changes c WHERE c.seq = p.seq)";

std::string Advancing(const std::string& which) {
  return kAdvanceBegin + which + kAdvanceEnd;
}

ParkedChange ChangeOf(const Rows& rows, std::size_t row) {
  ParkedChange change;
  change.message = rows.Text(row, 0);
  change.seq = rows.Int(row, 1);
  change.relation = rows.Text(row, 2);
  change.key = mappings::ParseExact(rows.Text(row, 3));
  change.since = postgres::TimeAt(rows, row, 4);
  change.attempts = static_cast<int>(rows.Int(row, 5));
  change.next_at = postgres::OptionalTimeAt(rows, row, 6);
  change.last_status = rows.IsNull(row, 7) ? 0 : rows.Int(row, 7);
  change.last_error = rows.Optional(row, 8).value_or("");
  return change;
}

}  // namespace

std::vector<ParkedChange> ParkedChanges::All() {
  const Rows rows = transaction_.Run(
      std::string{"SELECT "} + kColumns + " FROM membridge.feed_parked p WHERE p.feed = $1 ORDER BY p.since, p.seq", {feed_});
  std::vector<ParkedChange> all;
  for (std::size_t row = 0; row < rows.size(); ++row) all.push_back(ChangeOf(rows, row));
  return all;
}

std::optional<ParkedChanges::Due> ParkedChanges::FirstDue(Instant now) {
  while (true) {
    const Rows rows = transaction_.Run(std::string{"SELECT "} + kColumns + ", " + kPostedEntry +
                                           " FROM membridge.feed_parked p LEFT JOIN membridge.changes c ON c.seq = p.seq"
                                           " WHERE p.feed = $1 AND (p.next_at IS NULL OR p.next_at <= $2::timestamptz)"
                                           " ORDER BY p.next_at NULLS FIRST, p.seq LIMIT 1",
                                       {feed_, FormatRfc3339(now)});
    if (rows.empty()) return std::nullopt;
    Due due{ChangeOf(rows, 0), mappings::ParseExact(rows.Text(0, 9))};
    if (!due.entry["id"].is_null()) return due;
    Advance(due.change.seq);
  }
}

bool ParkedChanges::Add(const ParkedChange& change) {
  return transaction_
             .Run(
                 "INSERT INTO membridge.feed_parked (feed, seq, relation, key, message, since, attempts, next_at, last_status, "
                 "last_error) "
                 "SELECT $1, $2::bigint, $3, $4::jsonb, $5::uuid, $6::timestamptz, $7::int, $8::timestamptz, $9::int, $10 "
                 "WHERE (SELECT count(*) FROM membridge.feed_parked WHERE feed = $1) < $11::bigint",
                 {feed_, std::to_string(change.seq), change.relation, mappings::ExactText(change.key), change.message,
                  FormatRfc3339(change.since), std::to_string(change.attempts), postgres::TimeParam(change.next_at),
                  std::to_string(change.last_status), change.last_error, std::to_string(kMost)})
             .Affected() > 0;
}

void ParkedChanges::Refused(const ParkedChange& change) {
  transaction_.Run(
      "UPDATE membridge.feed_parked SET attempts = $3::int, next_at = $4::timestamptz, last_status = nullif($5::int, 0), "
      "last_error = $6 WHERE feed = $1 AND seq = $2::bigint",
      {feed_, std::to_string(change.seq), std::to_string(change.attempts), postgres::TimeParam(change.next_at),
       std::to_string(change.last_status), change.last_error});
}

void ParkedChanges::Delay(Instant now, Instant until) {
  transaction_.Run(
      "UPDATE membridge.feed_parked SET next_at = $3::timestamptz WHERE feed = $1 AND (next_at IS NULL OR next_at <= "
      "$2::timestamptz)",
      {feed_, FormatRfc3339(now), FormatRfc3339(until)});
}

void ParkedChanges::Advance(std::int64_t seq) {
  transaction_.Run(Advancing("p.feed = $1 AND p.seq = $2::bigint"), {feed_, std::to_string(seq)});
}

std::size_t ParkedChanges::RetryAll() {
  return transaction_.Run("UPDATE membridge.feed_parked SET next_at = NULL WHERE feed = $1 AND next_at IS NOT NULL", {feed_})
      .Affected();
}

std::size_t ParkedChanges::SkipAll() {
  const std::vector<ParkedChange> all = All();
  std::size_t skipped = 0;
  for (const ParkedChange& change : all) {
    if (change.attempts == 0) continue;  // it waits its turn and was not refused
    Advance(change.seq);
    ++skipped;
  }
  return skipped;
}

void ParkedChanges::Forget() {
  transaction_.Run("DELETE FROM membridge.feed_parked WHERE feed = $1", {feed_});
}

void ParkedChanges::AdvanceLost(Transaction& transaction) {
  while (transaction.Run(Advancing(kIsLost)).Affected() > 0) {
  }
}

}  // namespace membridge::sync
