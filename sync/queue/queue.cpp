#include "sync/queue/queue.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "sync/postgres/column.hpp"
#include "sync/queue/claim_keys.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Param;
using postgres::Rows;

// statement_timestamp() and not clock_timestamp(): a volatile function cannot bound an index scan. Not now() either: work that
// fell due since the transaction began is due.
constexpr std::string_view kFree = "(d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())";

constexpr int kLastRank = 3;

std::string Number(std::int64_t number) {
  return std::to_string(number);
}

Claim ClaimAt(const Rows& rows, std::size_t row) {
  Claim claim;
  claim.project = ProjectId{std::string{rows.Text(row, 0)}};
  claim.memory = MemoryId{std::string{rows.Text(row, 1)}};
  claim.generation = rows.Int(row, 2);
  claim.fence = rows.Int(row, 3);
  claim.marked_at = postgres::TimeAt(rows, row, 4);
  claim.claimed_at = postgres::TimeAt(rows, row, 5);
  claim.attempts = static_cast<int>(rows.Int(row, 6));
  claim.absent_since = postgres::OptionalTimeAt(rows, row, 7);
  claim.reason = rows.Text(row, 8);
  claim.told = rows.Text(row, 9);
  claim.bucket = static_cast<int>(rows.Int(row, 10));
  return claim;
}

std::string_view NameOf(Settlement::Kind kind) {
  switch (kind) {
    case Settlement::Kind::kDone:
      return "done";
    case Settlement::Kind::kLookAgain:
      return "look_again";
    case Settlement::Kind::kRetry:
      return "retry";
    case Settlement::Kind::kBlocked:
      return "blocked";
  }
  return "retry";
}

/// The first four parameters of statements that check a claim's fence: buckets, projects, memories, fences.
std::vector<Param> KeysAndFences(const std::vector<Claim>& claims) {
  ClaimKeys keys;
  Column fences;
  for (const Claim& claim : claims) {
    keys.Add(claim);
    fences.AddNumber(claim.fence);
  }
  std::vector<Param> params = keys.Take();
  params.push_back(fences.Take());
  return params;
}

}  // namespace

int BucketOf(const ProjectId& project, const MemoryId& memory) {
  std::uint64_t hash = 14695981039346656037u;
  const auto mix = [&hash](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u; };
  for (const char c : project.Text()) mix(c);
  mix('\0');
  for (const char c : memory.Text()) mix(c);
  return static_cast<int>(hash % kBuckets);
}

void Queue::Mark(const ProjectId& project, const std::vector<MemoryId>& memories, std::string_view reason) {
  if (memories.empty()) return;
  Column buckets, projects, ids;
  for (const MemoryId& memory : memories) {
    buckets.AddNumber(BucketOf(project, memory));
    projects.AddText(project.Text());
    ids.AddText(memory.Text());
  }
  transaction_.Run("SELECT membridge.mark($1::smallint[], $2::text[], $3::text[], $4::text)",
                   {buckets.Take(), projects.Take(), ids.Take(), std::string{reason}});
}

std::vector<DueBucket> Queue::DueBuckets() {
  // One short look at the head of each bucket's and rank's index range. ORDER BY keeps the planner from scanning the table for
  // "any" row.
  static const std::string kSql = fmt::format(R"(
      SELECT b.bucket, r.rank
      FROM generate_series(0, {} - 1) AS b(bucket), generate_series(0, {}) AS r(rank),
           LATERAL (SELECT FROM membridge.dirty d
                    WHERE d.bucket = b.bucket::smallint AND d.rank = r.rank::smallint AND d.due_at <= statement_timestamp() AND {}
                    ORDER BY d.due_at LIMIT 1) AS due
      ORDER BY r.rank, random())",
                                              kBuckets, kLastRank, kFree);
  const Rows rows = transaction_.Run(kSql);
  std::vector<DueBucket> buckets;
  buckets.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row)
    buckets.push_back({.bucket = static_cast<int>(rows.Int(row, 0)), .rank = static_cast<int>(rows.Int(row, 1))});
  return buckets;
}

std::vector<Claim> Queue::ClaimDue(const std::vector<DueBucket>& due, std::size_t limit, std::chrono::seconds lease) {
  if (due.empty() || limit == 0) return {};
  // due_at stays as it is while claimed: no indexed column changes, so claiming is a HOT update that costs no index entry. The
  // few rows under claim stay at the head of the index and are stepped over. MATERIALIZED, or a join could run the LIMIT twice.
  // The outer LIMIT ends the look, so no bucket behind it is locked. A row that moves between the look and the lock is not met at
  // its place, and claimed in the next round.
  static const std::string kSql = fmt::format(R"(
      WITH due AS MATERIALIZED (
        SELECT d.place FROM unnest($1::smallint[], $2::smallint[]) AS b(bucket, rank)
        CROSS JOIN LATERAL (SELECT d.ctid AS place FROM membridge.dirty d
                            WHERE d.bucket = b.bucket AND d.rank = b.rank AND d.due_at <= statement_timestamp() AND {}
                            ORDER BY d.due_at LIMIT $3::bigint
                            FOR UPDATE SKIP LOCKED) AS d
        LIMIT $3::bigint),
      claimed AS (
        UPDATE membridge.dirty d
        SET claimed_until = statement_timestamp() + $4::bigint * interval '1 second', fence = nextval('membridge.fence')
        WHERE d.ctid = ANY (ARRAY(SELECT place FROM due))
        RETURNING d.*)
      SELECT project, memory_id, generation, fence, marked_at, statement_timestamp(), attempts, absent_since, reason, told, bucket
      FROM claimed ORDER BY rank, due_at, project, memory_id)",
                                              kFree);
  Column buckets, ranks;
  for (const DueBucket& bucket : due) {
    buckets.AddNumber(bucket.bucket);
    ranks.AddNumber(bucket.rank);
  }
  const Rows rows =
      transaction_.Run(kSql, {buckets.Take(), ranks.Take(), Number(static_cast<std::int64_t>(limit)), Number(lease.count())});
  std::vector<Claim> claims;
  claims.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) claims.push_back(ClaimAt(rows, row));
  return claims;
}

void Queue::Renew(const std::vector<Claim>& claims, std::chrono::seconds lease) {
  // Skips rows that an applying transaction has locked: no other worker can take them over as long as it runs.
  constexpr const char* kSql = R"(
      WITH held AS MATERIALIZED (
        SELECT d.place
        FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[]) AS c(bucket, project, memory_id, fence)
        CROSS JOIN LATERAL (SELECT d.ctid AS place FROM membridge.dirty d
                            WHERE d.bucket = c.bucket AND d.project = c.project AND d.memory_id = c.memory_id AND d.fence = c.fence
                            FOR UPDATE SKIP LOCKED) AS d)
      UPDATE membridge.dirty d SET claimed_until = statement_timestamp() + $5::bigint * interval '1 second'
      WHERE d.ctid = ANY (ARRAY(SELECT place FROM held)))";
  std::vector<Param> params = KeysAndFences(claims);
  params.push_back(Number(lease.count()));
  transaction_.Run(kSql, params);
}

std::optional<std::chrono::milliseconds> Queue::NextDue() {
  // Looks at the first free row per bucket and rank. Only when no free row is due, it also looks at the leases that run out; then
  // every due row is claimed, and those are few.
  static const std::string kSql = fmt::format(R"(
      SELECT ceil(extract(epoch FROM min(next.at) - statement_timestamp()) * 1000)::bigint
      FROM generate_series(0, {} - 1) AS b(bucket) CROSS JOIN generate_series(0, {}) AS r(rank)
      LEFT JOIN LATERAL (SELECT d.due_at FROM membridge.dirty d
                         WHERE d.bucket = b.bucket::smallint AND d.rank = r.rank::smallint AND {}
                         ORDER BY d.due_at LIMIT 1) AS free ON true,
      LATERAL (SELECT CASE WHEN free.due_at <= statement_timestamp() THEN free.due_at
                           ELSE least(free.due_at, (SELECT min(d.claimed_until) FROM membridge.dirty d
                                                    WHERE d.bucket = b.bucket::smallint AND d.rank = r.rank::smallint
                                                      AND d.due_at <= statement_timestamp()
                                                      AND d.claimed_until > statement_timestamp())) END AS at) AS next)",
                                              kBuckets, kLastRank, kFree);
  const Rows rows = transaction_.Run(kSql);
  if (rows.IsNull(0, 0)) return std::nullopt;
  return std::chrono::milliseconds{std::max<std::int64_t>(0, rows.Int(0, 0))};
}

std::vector<Claim> Queue::StillOurs(const std::vector<Claim>& claims) {
  if (claims.empty()) return {};
  // A claim whose lease ran out is still ours until another worker takes the next fence. The lock prevents that until we commit.
  static const std::string kSql = R"(
      SELECT c.place
      FROM (SELECT * FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[])
                          WITH ORDINALITY AS u(bucket, project, memory_id, fence, place)
            ORDER BY u.bucket, u.project COLLATE "C", u.memory_id COLLATE "C") AS c
      CROSS JOIN LATERAL (SELECT FROM membridge.dirty d
                          WHERE d.bucket = c.bucket AND d.project = c.project AND d.memory_id = c.memory_id AND d.fence = c.fence
                          FOR UPDATE) AS d)";
  const Rows rows = transaction_.Run(kSql, KeysAndFences(claims));
  std::vector<std::size_t> places;
  places.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) places.push_back(static_cast<std::size_t>(rows.Int(row, 0)) - 1);
  std::ranges::sort(places);
  std::vector<Claim> ours;
  ours.reserve(places.size());
  for (const std::size_t place : places) ours.push_back(claims[place]);
  return ours;
}

void Queue::Settle(const std::vector<std::pair<Claim, Settlement>>& settlements) {
  if (settlements.empty()) return;
  // The caller holds the locks StillOurs or TakeListed took: a delivery that marks the same memory now either came before (and
  // `moved` says so) or waits, and a row stays at its place. The UPDATE and the DELETE never meet in one row. A failure keeps its
  // back-off although a delivery came, as in membridge.mark. Rows are written by a list of their places and never joined:
  // PostgreSQL takes a queue that was vacuumed empty for one row, and would compare each memory with each.
  static const std::string kSql = R"(
      WITH settled AS MATERIALIZED (
        SELECT d.place, d.generation <> s.generation AS moved, s.kind, s.absent, s.error,
               statement_timestamp() + s.due_in_ms * interval '1 millisecond' AS due_at
        FROM unnest($1::smallint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::boolean[], $9::text[])
             AS s(bucket, project, memory_id, fence, generation, kind, due_in_ms, absent, error)
        CROSS JOIN LATERAL (SELECT d.ctid AS place, d.generation FROM membridge.dirty d
                            WHERE d.bucket = s.bucket AND d.project = s.project AND d.memory_id = s.memory_id AND d.fence = s.fence
                            OFFSET 0) AS d),
      finished AS (
        DELETE FROM membridge.dirty d WHERE d.ctid = ANY (ARRAY(SELECT s.place FROM settled s WHERE s.kind = 'done' AND NOT s.moved))),
      kept AS MATERIALIZED (
        SELECT array_agg(s.place) AS places, array_agg(s.moved) AS moved, array_agg(s.kind) AS kinds, array_agg(s.absent) AS absent,
               array_agg(s.error) AS errors, array_agg(s.due_at) AS due_at
        FROM settled s WHERE s.kind <> 'done' OR s.moved)
      UPDATE membridge.dirty d SET claimed_until = NULL, fence = NULL,
        (due_at, attempts, absent_since, blocked_since, last_error) = (
          SELECT
            CASE WHEN k.kind = 'done' OR (k.kind = 'look_again' AND k.moved) THEN statement_timestamp() ELSE k.due_at END,
            CASE WHEN k.kind IN ('retry', 'blocked') THEN d.attempts + 1 ELSE 0 END,
            CASE WHEN k.kind IN ('retry', 'blocked') THEN d.absent_since
                 WHEN k.kind = 'look_again' AND k.absent THEN coalesce(d.absent_since, statement_timestamp()) END,
            CASE WHEN k.kind = 'blocked' THEN coalesce(d.blocked_since, statement_timestamp()) END,
            CASE WHEN k.kind IN ('retry', 'blocked') THEN k.error END
          FROM (SELECT a.kinds[a.n] AS kind, a.moved[a.n] AS moved, a.absent[a.n] AS absent, a.errors[a.n] AS error, a.due_at[a.n] AS due_at
                FROM (SELECT kept.*, array_position(kept.places, d.ctid) AS n FROM kept OFFSET 0) AS a OFFSET 0) AS k)
      WHERE d.ctid = ANY ((SELECT places FROM kept)::tid[]))";
  ClaimKeys keys;
  Column fences, generations, kinds, due_in, absent, errors;
  for (const auto& [claim, settlement] : settlements) {
    keys.Add(claim);
    fences.AddNumber(claim.fence);
    generations.AddNumber(claim.generation);
    kinds.AddText(NameOf(settlement.kind));
    due_in.AddNumber(settlement.due_in.count());
    absent.AddBool(settlement.absent);
    errors.AddText(settlement.error);
  }
  std::vector<Param> params = keys.Take();
  for (Column* column : {&fences, &generations, &kinds, &due_in, &absent, &errors}) params.push_back(column->Take());
  transaction_.Run(kSql, params);
}

}  // namespace membridge::sync
