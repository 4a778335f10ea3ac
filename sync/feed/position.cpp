#include "sync/feed/position.hpp"

#include "mappings/base/exact_json.hpp"
#include "mappings/base/uuid7.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

/// $2 to $4: the endpoint's filter.
constexpr const char* kWanted =
    " AND ($2::text[] = '{}' OR c.relation = ANY ($2::text[])) AND ($3::text[] = '{}' OR c.mapping = ANY ($3::text[]))"
    " AND ($4::text[] = '{}' OR c.op = ANY ($4::text[]))";

constexpr const char* kBeginAnew = R"sql(
    UPDATE membridge.feeds SET place = membridge.ledger_place(), done = '1:1:', upto = NULL, last_seq = 0, end_seq = 0, message = NULL,
      message_seq = NULL, attempts = 0
    WHERE place <> membridge.ledger_place())sql";

// What is visible now, as this statement sees it, and was not in the snapshot that is done.
constexpr const char* kOpen = R"sql(
    UPDATE membridge.feeds f SET upto = w.present::pg_snapshot, last_seq = w.first - 1, end_seq = w.last
    FROM (SELECT n.present::text AS present, min(c.seq) AS first, max(c.seq) AS last
          FROM (SELECT pg_current_snapshot() AS present, done FROM membridge.feeds WHERE name = $1) AS n, membridge.changes c
          WHERE c.xid >= pg_snapshot_xmin(n.done) AND NOT pg_visible_in_snapshot(c.xid, n.done)
            AND pg_visible_in_snapshot(c.xid, n.present)
          GROUP BY n.present::text) AS w
    WHERE f.name = $1)sql";

constexpr const char* kEntries = R"sql(
    SELECT c.seq, jsonb_build_object('id', c.id, 'seq', c.seq, 'at', c.at, 'project', c.project, 'mapping', c.mapping, 'relation',
                                     c.relation, 'key', c.key, 'op', c.op, 'cells', c.cells)::text
    FROM membridge.feeds f, membridge.changes c
    WHERE f.name = $1 AND c.seq > f.last_seq AND c.seq <= coalesce(f.message_seq, f.end_seq)
      AND c.xid >= pg_snapshot_xmin(f.done) AND NOT pg_visible_in_snapshot(c.xid, f.done) AND pg_visible_in_snapshot(c.xid, f.upto))sql";

constexpr const char* kWaiting = R"sql(
    SELECT count(*), min(w.at) FROM (
      SELECT c.at FROM membridge.feeds f, membridge.changes c
      WHERE f.name = $1 AND c.xid >= pg_snapshot_xmin(f.done) AND NOT pg_visible_in_snapshot(c.xid, f.done)
        AND NOT (f.upto IS NOT NULL AND pg_visible_in_snapshot(c.xid, f.upto) AND c.seq <= f.last_seq))sql";

/// The first number that is not told yet, or NULL: of a window under way what is behind `last_seq`.
constexpr const char* kFirstWaiting = R"sql(
    SELECT min(c.seq) FROM membridge.feeds f, membridge.changes c
    WHERE f.name = $1 AND c.xid >= pg_snapshot_xmin(f.done) AND NOT pg_visible_in_snapshot(c.xid, f.done)
      AND NOT (f.upto IS NOT NULL AND pg_visible_in_snapshot(c.xid, f.upto) AND c.seq <= f.last_seq))sql";

Param List(const std::vector<std::string>& texts) {
  return postgres::ArrayOf({texts.begin(), texts.end()});
}

Param TextOf(const std::optional<Instant>& time) {
  return time ? Param{FormatRfc3339(*time)} : std::nullopt;
}

std::optional<Instant> TimeIn(const Rows& rows, std::size_t column) {
  return rows.IsNull(0, column) ? std::nullopt : ParseRfc3339(rows.Text(0, column));
}

}  // namespace

std::string Message::Body(bool batched) const {
  json body{{"type", batched ? "rows.changed" : "row.changed"}, {"timestamp", changes.back()["at"]}};
  body["data"] = batched ? json{{"changes", changes}} : changes.front();
  return mappings::ExactText(body);
}

std::vector<Param> FeedPosition::WithFilter(std::vector<Param> params) const {
  for (const auto* list : {&endpoint_.filter.tables, &endpoint_.filter.mappings, &endpoint_.filter.ops})
    params.push_back(List(*list));
  return params;
}

bool FeedPosition::Enter() {
  Transaction transaction = there_.Begin();
  transaction.Run(
      "INSERT INTO membridge.feeds (name, place, filter, done) VALUES ($1, membridge.ledger_place(), $2::jsonb, '1:1:') "
      "ON CONFLICT (name) DO UPDATE SET filter = excluded.filter WHERE membridge.feeds.filter <> excluded.filter",
      {endpoint_.name, endpoint_.filter.AsJson().dump()});
  const bool is_elsewhere = transaction.Run(kBeginAnew).Affected() > 0;
  // Entries of transactions that this server has not reached would stay invisible until it has.
  if (is_elsewhere)
    transaction.Run(
        "UPDATE membridge.changes SET xid = pg_current_xact_id() WHERE xid >= pg_snapshot_xmax(pg_current_snapshot())");
  transaction.Commit();
  return is_elsewhere;
}

/// Begins the next window; false when nothing is in it.
bool FeedPosition::Open(Transaction& transaction) {
  return transaction.Run(kOpen, {endpoint_.name}).Affected() > 0;
}

std::vector<json> FeedPosition::Entries(Transaction& transaction) {
  auto params = WithFilter({endpoint_.name});
  params.emplace_back(std::to_string(endpoint_.batch));
  const Rows rows = transaction.Run(std::string{kEntries} + kWanted + " ORDER BY c.seq LIMIT $5::bigint", params);
  std::vector<json> entries;
  for (std::size_t row = 0; row < rows.size(); ++row) entries.push_back(mappings::ParseExact(rows.Text(row, 1)));
  return entries;
}

FeedPosition::Due FeedPosition::Next(Instant now) {
  Due due;
  Transaction transaction = there_.Begin();
  while (true) {
    // An erasure that is under way is waited for, so that nothing is read that it takes out.
    const Rows row = transaction.Run(
        "SELECT paused_at IS NOT NULL, next_at, upto IS NOT NULL, message, attempts FROM membridge.feeds WHERE name = $1 FOR "
        "UPDATE",
        {endpoint_.name});
    if (row.empty()) return due;
    due.paused = row.Bool(0, 0);
    if (due.paused) return due;
    due.not_before = TimeIn(row, 1);
    if (due.not_before && *due.not_before > now) return due;
    due.not_before.reset();
    if (!row.Bool(0, 2) && !Open(transaction)) {
      transaction.Commit();
      return due;
    }
    std::vector<json> entries = Entries(transaction);
    if (entries.empty()) {
      transaction.Run(
          "UPDATE membridge.feeds SET last_seq = coalesce(message_seq, last_seq), attempts = 0, message = NULL, message_seq = "
          "NULL, "
          "done = CASE WHEN message_seq IS NULL THEN upto ELSE done END, upto = CASE WHEN message_seq IS NOT NULL THEN upto END "
          "WHERE name = $1",
          {endpoint_.name});
      continue;
    }
    Message message;
    message.attempts = static_cast<int>(row.Int(0, 4));
    message.last_seq = entries.back()["seq"].get<std::int64_t>();
    message.id =
        row.Optional(0, 3).value_or(endpoint_.batch == 1 ? entries.front()["id"].get<std::string>() : mappings::Uuid7(now));
    message.changes = std::move(entries);
    if (row.IsNull(0, 3))
      transaction.Run("UPDATE membridge.feeds SET message = $2::uuid, message_seq = $3::bigint WHERE name = $1",
                      {endpoint_.name, message.id, std::to_string(message.last_seq)});
    transaction.Commit();
    due.message = std::move(message);
    return due;
  }
}

void FeedPosition::Told(const Message& message, const Posted& posted, Instant now) {
  there_.Run(
      "UPDATE membridge.feeds SET last_seq = message_seq, message = NULL, message_seq = NULL, attempts = 0, failing_since = "
      "NULL, "
      "next_at = NULL, last_status = $3::int, last_error = NULL, posted = posted + $4::bigint, posted_at = $5::timestamptz "
      "WHERE name = $1 AND message = $2::uuid",
      {endpoint_.name, message.id, std::to_string(posted.status), std::to_string(message.changes.size()), FormatRfc3339(now)});
}

void FeedPosition::Failed(const Message& message, const Posted& posted, Instant now, std::optional<Instant> next_at,
                          const std::string& paused_by) {
  there_.Run(
      "UPDATE membridge.feeds SET attempts = attempts + 1, failing_since = coalesce(failing_since, $3::timestamptz), next_at = "
      "$4::timestamptz, last_status = nullif($5::int, 0), last_error = $6, paused_at = CASE WHEN $7 <> '' THEN $3::timestamptz "
      "END, "
      "paused_by = nullif($7, '') WHERE name = $1 AND message = $2::uuid",
      {endpoint_.name, message.id, FormatRfc3339(now), TextOf(next_at), std::to_string(posted.status), posted.problem,
       paused_by});
}

FeedStanding FeedPosition::Standing() {
  FeedStanding standing;
  auto params = WithFilter({endpoint_.name});
  params.emplace_back(std::to_string(FeedStanding::kMostCounted));
  const Rows waiting = there_.Run(std::string{kWaiting} + kWanted + " LIMIT $5::bigint) AS w", params);
  standing.waiting = waiting.Int(0, 0);
  standing.oldest = TimeIn(waiting, 1);
  const Rows row = there_.Run(
      "SELECT attempts, message, failing_since, next_at, paused_at, posted_at, coalesce(paused_by, ''), coalesce(last_status, "
      "0), "
      "coalesce(last_error, ''), posted FROM membridge.feeds WHERE name = $1",
      {endpoint_.name});
  if (row.empty()) return standing;
  standing.attempts = static_cast<int>(row.Int(0, 0));
  standing.message = row.Optional(0, 1);
  standing.failing_since = TimeIn(row, 2);
  standing.next_at = TimeIn(row, 3);
  standing.paused_at = TimeIn(row, 4);
  standing.posted_at = TimeIn(row, 5);
  standing.paused_by = row.Text(0, 6);
  standing.last_status = row.Int(0, 7);
  standing.last_error = row.Text(0, 8);
  standing.posted = row.Int(0, 9);
  return standing;
}

bool FeedPosition::Pause() {
  return there_
             .Run(
                 "UPDATE membridge.feeds SET paused_at = clock_timestamp(), paused_by = 'operator' WHERE name = $1 AND paused_at "
                 "IS "
                 "NULL",
                 {endpoint_.name})
             .Affected() > 0;
}

bool FeedPosition::Resume(bool skip) {
  return there_
             .Run(
                 "UPDATE membridge.feeds SET paused_at = NULL, paused_by = NULL, next_at = NULL, failing_since = NULL, attempts "
                 "= 0, "
                 "last_seq = CASE WHEN $2::boolean THEN coalesce(message_seq, last_seq) ELSE last_seq END, "
                 "message = CASE WHEN NOT $2::boolean THEN message END, message_seq = CASE WHEN NOT $2::boolean THEN message_seq "
                 "END "
                 "WHERE name = $1 AND (paused_at IS NOT NULL OR next_at IS NOT NULL OR ($2::boolean AND message IS NOT NULL))",
                 {endpoint_.name, skip ? "t" : "f"})
             .Affected() > 0;
}

std::int64_t FeedPosition::CountSince(Instant since) {
  auto params = WithFilter({endpoint_.name});
  params.emplace_back(FormatRfc3339(since));
  return there_
      .Run(
          std::string{
              "SELECT count(*) FROM membridge.feeds f, membridge.changes c WHERE f.name = $1 AND c.at >= $5::timestamptz "
              "AND (pg_visible_in_snapshot(c.xid, f.done) OR f.upto IS NOT NULL AND pg_visible_in_snapshot(c.xid, f.upto) "
              "AND c.seq <= f.last_seq)"} +
              kWanted,
          params)
      .Int(0, 0);
}

void FeedPosition::Replay(Instant since) {
  there_.Run(
      std::string{"UPDATE membridge.feeds f SET done = '1:1:', upto = pg_current_snapshot(), message = NULL, message_seq = NULL, "
                  "attempts = 0, next_at = NULL, failing_since = NULL, "
                  "end_seq = coalesce((SELECT max(seq) FROM membridge.changes), 0), "
                  "last_seq = coalesce(least((SELECT min(seq) FROM membridge.changes WHERE at >= $2::timestamptz), ("} +
          kFirstWaiting + "), (SELECT max(seq) + 1 FROM membridge.changes)) - 1, 0) WHERE name = $1",
      {endpoint_.name, FormatRfc3339(since)});
}

}  // namespace membridge::sync
