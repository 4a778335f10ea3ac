#include "sync/feed/position.hpp"

#include "mappings/base/exact_json.hpp"
#include "mappings/base/uuid7.hpp"
#include "sync/feed/parked_changes.hpp"
#include "sync/feed/wanted.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

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

constexpr const char* kOfWindow = R"sql(
    FROM membridge.feeds f, membridge.changes c
    WHERE f.name = $1 AND c.seq > f.last_seq AND c.seq <= coalesce(f.message_seq, f.end_seq)
      AND c.xid >= pg_snapshot_xmin(f.done) AND NOT pg_visible_in_snapshot(c.xid, f.done) AND pg_visible_in_snapshot(c.xid, f.upto)
      AND NOT EXISTS (SELECT FROM membridge.feed_parked p WHERE p.feed = f.name AND p.relation = c.relation AND p.key = c.key))sql";

/// The message under way is over, and the position behind it.
constexpr const char* kPassMessage =
    "last_seq = message_seq, message = NULL, message_seq = NULL, attempts = 0, failing_since = NULL, next_at = NULL";

/// As it is parked after this attempt.
ParkedChange RefusedChange(const Message& message, const Posted& posted, Instant now, std::optional<Instant> next_at) {
  const json& entry = message.changes.front();
  return {.message = message.id,
          .seq = message.last_seq,
          .relation = entry["relation"].get<std::string>(),
          .key = entry["key"],
          .since = now,
          .attempts = message.attempts + 1,
          .next_at = next_at,
          .last_status = posted.status,
          .last_error = posted.problem};
}

}  // namespace

std::string Message::Body(bool batched) const {
  json body{{"type", batched ? "rows.changed" : "row.changed"}, {"timestamp", changes.back()["at"]}};
  body["data"] = batched ? json{{"changes", changes}} : changes.front();
  return mappings::ExactText(body);
}

bool FeedPosition::Enter() {
  Transaction transaction = there_.Begin();
  transaction.Run(
      "INSERT INTO membridge.feeds (name, place, filter, done) VALUES ($1, membridge.ledger_place(), $2::jsonb, '1:1:') "
      "ON CONFLICT (name) DO UPDATE SET filter = excluded.filter WHERE membridge.feeds.filter <> excluded.filter",
      {endpoint_.name, endpoint_.filter.AsJson().dump()});
  transaction.Run(
      "DELETE FROM membridge.feed_parked p USING membridge.feeds f WHERE f.name = p.feed AND f.place <> "
      "membridge.ledger_place()");
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
  auto params = NameAndFilter(endpoint_);
  params.emplace_back(std::to_string(endpoint_.batch));
  const Rows rows =
      transaction.Run(std::string{"SELECT "} + kPostedEntry + kOfWindow + kWanted + " ORDER BY c.seq LIMIT $5::bigint", params);
  std::vector<json> entries;
  for (std::size_t row = 0; row < rows.size(); ++row) entries.push_back(mappings::ParseExact(rows.Text(row, 0)));
  return entries;
}

std::optional<Message> FeedPosition::ParkedDue(Transaction& transaction, Instant now) {
  auto parked = ParkedChanges{transaction, endpoint_.name}.FirstDue(now);
  if (!parked) return std::nullopt;
  Message message;
  message.id = parked->change.message;
  message.last_seq = parked->change.seq;
  message.changes.push_back(std::move(parked->entry));
  message.attempts = parked->change.attempts;
  message.parked = true;
  return message;
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
    due.not_before = postgres::OptionalTimeAt(row, 0, 1);
    if (due.not_before && *due.not_before > now) return due;
    due.not_before.reset();
    // Rows are freed between messages only: a message under way holds the same changes at every attempt.
    if (row.IsNull(0, 3)) {
      if ((due.message = ParkedDue(transaction, now))) {
        transaction.Commit();
        return due;
      }
    }
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
  Transaction transaction = there_.Begin();
  std::vector<Param> params{endpoint_.name, std::to_string(posted.status), std::to_string(message.changes.size()),
                            FormatRfc3339(now)};
  const std::string counted =
      "posted = posted + $3::bigint, posted_at = $4::timestamptz, last_status = $2::int, last_error = NULL";
  if (message.parked) {
    transaction.Run("UPDATE membridge.feeds SET " + counted + " WHERE name = $1", params);
    ParkedChanges{transaction, endpoint_.name}.Advance(message.last_seq);
  } else {
    params.emplace_back(message.id);
    transaction.Run("UPDATE membridge.feeds SET " + counted + ", " + kPassMessage + " WHERE name = $1 AND message = $5::uuid",
                    params);
  }
  transaction.Commit();
}

void FeedPosition::Failed(const Message& message, const Posted& posted, Instant now, std::optional<Instant> next_at,
                          const std::string& paused_by) {
  Transaction transaction = there_.Begin();
  if (message.parked) {
    ParkedChanges parked{transaction, endpoint_.name};
    parked.Refused(RefusedChange(message, posted, now, next_at));
    if (next_at) parked.Delay(now, *next_at);
  }
  if (!message.parked || !paused_by.empty())
    transaction.Run(
        "UPDATE membridge.feeds SET attempts = attempts + CASE WHEN message = $2::uuid THEN 1 ELSE 0 END, failing_since = "
        "coalesce(failing_since, $3::timestamptz), next_at = $4::timestamptz, last_status = nullif($5::int, 0), last_error = $6, "
        "paused_at = CASE WHEN $7 <> '' THEN $3::timestamptz END, paused_by = nullif($7, '') "
        "WHERE name = $1 AND (message = $2::uuid OR $8::boolean)",
        {endpoint_.name, message.id, FormatRfc3339(now), postgres::TimeParam(next_at), std::to_string(posted.status),
         posted.problem, paused_by, message.parked ? "t" : "f"});
  transaction.Commit();
}

void FeedPosition::Split(const Message& message) {
  const auto half = message.changes[message.changes.size() / 2 - 1]["seq"].get<std::int64_t>();
  there_.Run(
      "UPDATE membridge.feeds SET message = $3::uuid, message_seq = $4::bigint "
      "WHERE name = $1 AND message = $2::uuid",
      {endpoint_.name, message.id, mappings::Uuid7(SystemClock{}.Now()), std::to_string(half)});
}

bool FeedPosition::Park(const Message& message, const Posted& posted, Instant now, Instant next_at) {
  const ParkedChange change = RefusedChange(message, posted, now, next_at);
  Transaction transaction = there_.Begin();
  ParkedChanges parked{transaction, endpoint_.name};
  if (message.parked) {
    parked.Refused(change);
    transaction.Commit();
    return true;
  }
  // Somebody may have skipped it meanwhile.
  const bool is_under_way =
      !transaction
           .Run("SELECT FROM membridge.feeds WHERE name = $1 AND message = $2::uuid FOR UPDATE", {endpoint_.name, message.id})
           .empty();
  if (!is_under_way) return true;
  const bool has_room = parked.Add(change);
  if (has_room)
    transaction.Run(std::string{"UPDATE membridge.feeds SET "} + kPassMessage + " WHERE name = $1", {endpoint_.name});
  else  // no message is under way, so that parked ones have their turn
    transaction.Run(
        "UPDATE membridge.feeds SET message = NULL, message_seq = NULL, attempts = attempts + 1, next_at = $3::timestamptz, "
        "failing_since = coalesce(failing_since, $2::timestamptz), last_status = $4::int, last_error = $5 WHERE name = $1",
        {endpoint_.name, FormatRfc3339(now), FormatRfc3339(next_at), std::to_string(posted.status), posted.problem});
  transaction.Commit();
  return has_room;
}

bool FeedPosition::PostedSinceParking(const Message& message) {
  return there_
      .Run(
          "SELECT coalesce(f.posted_at > p.since, false) FROM membridge.feeds f JOIN membridge.feed_parked p ON p.feed = f.name "
          "WHERE f.name = $1 AND p.seq = $2::bigint",
          {endpoint_.name, std::to_string(message.last_seq)})
      .Bool(0, 0);
}

}  // namespace membridge::sync
