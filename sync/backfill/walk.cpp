#include "sync/backfill/walk.hpp"

#include <fmt/format.h>

#include "sync/postgres/column.hpp"
#include "sync/queue/marking.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

struct Keys {
  Param buckets, ids;
};

Keys KeysOf(const ProjectId& project, const std::vector<MemoryId>& memories) {
  if (memories.empty()) return {"{}", "{}"};
  Column buckets, ids;
  for (const MemoryId& memory : memories) {
    buckets.AddNumber(BucketOf(project, memory));
    ids.AddText(memory.Text());
  }
  return {buckets.Take(), ids.Take()};
}

// Memories that the mirror has and the walk has not met. Leaves out memories that were read since the walk began, since they
// exist, and dirty ones, since they will be read.
constexpr std::string_view kMissingSql = R"(
    FROM membridge.memories m
    WHERE m.project = $1 AND m.gone_at IS NULL AND m.read_at < $4::timestamptz
      AND NOT EXISTS (SELECT FROM membridge.sweep_seen s
                      WHERE s.run = $2::bigint AND s.bucket = m.bucket AND s.memory_id = m.memory_id
                        AND ($3::smallint = 0 OR s.walk = $3::smallint))
      AND NOT EXISTS (SELECT FROM membridge.sweep_doubts d
                      WHERE d.run = $2::bigint AND d.bucket = m.bucket AND d.memory_id = m.memory_id))";

std::vector<Param> MissingParams(const Run& run, int walk, Instant began) {
  return {run.project.Text(), std::to_string(run.id), std::to_string(walk), FormatRfc3339(began)};
}

}  // namespace

std::vector<Walk::Known> Walk::LookUp(const std::vector<MemoryId>& memories) {
  const Keys keys = KeysOf(run_.project, memories);
  // OFFSET 0: a table that has just been filled has no statistics, and the planner would then read all of it for every page.
  const Rows rows = transaction_.Run(R"(
      SELECT c.place, m.gone_at IS NOT NULL, m.digest
      FROM unnest($2::smallint[], $3::text[]) WITH ORDINALITY AS c(bucket, memory_id, place)
      CROSS JOIN LATERAL (SELECT m.gone_at, m.digest FROM membridge.memories m
                          WHERE m.bucket = c.bucket AND m.project = $1 AND m.memory_id = c.memory_id OFFSET 0) AS m)",
                                     {run_.project.Text(), keys.buckets, keys.ids});
  std::vector<Known> known(memories.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    known[static_cast<std::size_t>(rows.Int(row, 0)) - 1] = {true, rows.Bool(row, 1), std::string{rows.Text(row, 2)}};
  }
  return known;
}

Walk::Meeting Walk::Meet(const std::vector<MemoryId>& memories, int walk) {
  const Keys keys = KeysOf(run_.project, memories);
  Meeting meeting;
  std::int64_t known = 0;
  if (walk > 1) {
    known = transaction_
                .Run(R"(
      SELECT count(*) FROM (SELECT DISTINCT bucket, memory_id FROM unnest($2::smallint[], $3::text[]) AS u(bucket, memory_id)) AS c
      JOIN membridge.sweep_seen s ON s.run = $1::bigint AND s.bucket = c.bucket AND s.memory_id = c.memory_id
      WHERE s.walk = $4::smallint)",
                     {std::to_string(run_.id), keys.buckets, keys.ids, std::to_string(walk - 1)})
                .Int(0, 0);
  }
  const Rows rows = transaction_.Run(R"(
      INSERT INTO membridge.sweep_seen AS s (run, bucket, memory_id, walk)
      SELECT DISTINCT $1::bigint, c.bucket, c.memory_id, $4::smallint FROM unnest($2::smallint[], $3::text[]) AS c(bucket, memory_id)
      ON CONFLICT (run, bucket, memory_id) DO UPDATE SET walk = excluded.walk WHERE s.walk <> excluded.walk
      RETURNING memory_id)",
                                     {std::to_string(run_.id), keys.buckets, keys.ids, std::to_string(walk)});
  for (std::size_t row = 0; row < rows.size(); ++row) meeting.fresh.emplace(rows.Text(row, 0));
  meeting.strangers = static_cast<std::int64_t>(meeting.fresh.size()) - known;
  return meeting;
}

std::int64_t Walk::Met(int walk) {
  return transaction_
      .Run("SELECT count(*) FROM membridge.sweep_seen WHERE run = $1::bigint AND walk = $2::smallint",
           {std::to_string(run_.id), std::to_string(walk)})
      .Int(0, 0);
}

void Walk::Tidy() {
  transaction_.Run(R"(
      DELETE FROM membridge.sweep_seen s WHERE s.run IN (
        WITH RECURSIVE runs(run) AS (
          SELECT min(run) FROM membridge.sweep_seen
          UNION ALL
          SELECT (SELECT min(n.run) FROM membridge.sweep_seen n WHERE n.run > runs.run) FROM runs WHERE runs.run IS NOT NULL)
        SELECT runs.run FROM runs
        WHERE NOT EXISTS (SELECT FROM membridge.backfill_runs r WHERE r.id = runs.run AND r.state IN ('queued', 'running', 'paused'))))");
}

Walk::Missing Walk::CountMissing(int walk, Instant began) {
  const Rows rows = transaction_.Run(
      fmt::format("SELECT (SELECT count(*) {}), (SELECT count(*) FROM membridge.memories WHERE project = $1 AND gone_at IS NULL)",
                  kMissingSql),
      MissingParams(run_, walk, began));
  return {rows.Int(0, 0), rows.Int(0, 1)};
}

std::size_t Walk::DoubtMissing(int walk, Instant began, std::size_t limit) {
  std::vector<Param> params = MissingParams(run_, walk, began);
  params.push_back(std::to_string(limit));
  const Rows rows = transaction_.Run(fmt::format("INSERT INTO membridge.sweep_doubts (run, bucket, memory_id, digest) SELECT "
                                                 "$2::bigint, m.bucket, m.memory_id, m.digest {} "
                                                 "LIMIT $5::bigint RETURNING memory_id",
                                                 kMissingSql),
                                     params);
  std::vector<MemoryId> missing;
  for (std::size_t row = 0; row < rows.size(); ++row) missing.emplace_back(std::string{rows.Text(row, 0)});
  sync::Queue{transaction_}.Mark(run_.project, missing, "sweep");
  return missing.size();
}

void Walk::Doubt(const std::vector<MemoryId>& memories) {
  if (memories.empty()) return;
  const Keys keys = KeysOf(run_.project, memories);
  transaction_.Run(R"(
      INSERT INTO membridge.sweep_doubts (run, bucket, memory_id, digest)
      SELECT $1::bigint, c.bucket, c.memory_id, m.digest
      FROM unnest($3::smallint[], $4::text[]) AS c(bucket, memory_id)
      LEFT JOIN membridge.memories m ON m.bucket = c.bucket AND m.project = $2 AND m.memory_id = c.memory_id AND m.gone_at IS NULL
      ON CONFLICT DO NOTHING)",
                   {std::to_string(run_.id), run_.project.Text(), keys.buckets, keys.ids});
}

std::size_t Walk::DoubtUnreadable(const std::vector<MemoryId>& memories) {
  if (memories.empty()) return 0;
  const Keys keys = KeysOf(run_.project, memories);
  const Rows rows = transaction_.Run(R"(
      SELECT DISTINCT c.memory_id FROM unnest($2::smallint[], $3::text[]) AS c(bucket, memory_id)
      WHERE NOT EXISTS (SELECT FROM membridge.parked p WHERE p.project = $1 AND p.memory_id = c.memory_id))",
                                     {run_.project.Text(), keys.buckets, keys.ids});
  std::vector<MemoryId> unread;
  for (std::size_t row = 0; row < rows.size(); ++row) unread.emplace_back(std::string{rows.Text(row, 0)});
  if (unread.empty()) return 0;
  Doubt(unread);
  sync::Queue{transaction_}.Mark(run_.project, unread, "sweep");
  return unread.size();
}

Walk::Resolved Walk::Resolve() {
  const Rows rows = transaction_.Run(R"(
      WITH settled AS (
        DELETE FROM membridge.sweep_doubts d
        WHERE d.run = $1::bigint
          AND NOT EXISTS (SELECT FROM membridge.dirty q WHERE q.bucket = d.bucket AND q.project = $2 AND q.memory_id = d.memory_id)
        RETURNING d.bucket, d.memory_id, d.digest)
      SELECT count(*) FILTER (WHERE s.digest IS NULL AND m.gone_at IS NULL AND m.memory_id IS NOT NULL),
             count(*) FILTER (WHERE s.digest IS NOT NULL AND m.gone_at IS NULL AND m.digest <> s.digest),
             count(*) FILTER (WHERE s.digest IS NOT NULL AND m.gone_at IS NOT NULL),
             count(*),
             (SELECT count(*) FROM membridge.sweep_doubts WHERE run = $1::bigint)
      FROM settled s LEFT JOIN membridge.memories m ON m.bucket = s.bucket AND m.project = $2 AND m.memory_id = s.memory_id)",
                                     {std::to_string(run_.id), run_.project.Text()});
  Resolved resolved;
  resolved.added = rows.Int(0, 0);
  resolved.updated = rows.Int(0, 1);
  resolved.deleted = rows.Int(0, 2);
  const std::int64_t settled = rows.Int(0, 3);
  resolved.same = settled - resolved.added - resolved.updated - resolved.deleted;
  resolved.left = rows.Int(0, 4) - settled;  // the statement still sees those it deletes
  return resolved;
}

std::optional<Instant> Walk::Watermark() {
  const Rows rows =
      transaction_.Run("SELECT watermark FROM membridge.sweep_watermarks WHERE project = $1", {run_.project.Text()});
  if (rows.empty()) return std::nullopt;
  return postgres::TimeAt(rows, 0, 0);
}

void Walk::MoveWatermark(Instant to) {
  transaction_.Run(
      "INSERT INTO membridge.sweep_watermarks AS w (project, watermark) VALUES ($1, $2::timestamptz) "
      "ON CONFLICT (project) DO UPDATE SET watermark = greatest(w.watermark, excluded.watermark)",
      {run_.project.Text(), FormatRfc3339(to)});
}

Instant Walk::Now() {
  return postgres::TimeAt(transaction_.Run("SELECT clock_timestamp()"), 0, 0);
}

}  // namespace membridge::sync
