#include "sync/queue/mirror.hpp"

#include "mappings/base/exact_json.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/claim_keys.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Param;
using postgres::Rows;

void AddOrNull(Column& column, const std::string& text) {
  if (text.empty()) {
    column.AddNull();
  } else {
    column.AddText(text);
  }
}

Mirrored MirroredAt(const Rows& rows, std::size_t row) {
  Mirrored mirrored;
  if (!rows.IsNull(row, 1)) mirrored.record = mappings::ParseExact(rows.Text(row, 1));
  mirrored.digest = rows.Text(row, 2);
  mirrored.updated_at = postgres::OptionalTimeAt(rows, row, 3);
  mirrored.gone = rows.Bool(row, 4);
  mirrored.applied = rows.Text(row, 5);
  return mirrored;
}

// One array parameter per column of membridge.memories.
struct MirrorColumns {
  ClaimKeys keys;
  Column records, digests, updated, users, expires_on, expired, gone, applied, waits, wrote, asked;

  void Add(const Claim& claim, const Reading& reading) {
    keys.Add(claim);
    AddOrNull(digests, reading.digest);
    AddOrNull(applied, reading.applied);
    expired.AddBool(reading.expired);
    gone.AddBool(!reading.memory);
    waits.AddBool(reading.waits);
    wrote.AddBool(reading.wrote);
    if (reading.asked_at) {
      asked.AddTime(*reading.asked_at);
    } else {
      asked.AddNull();
    }
    if (reading.memory) {
      AddRecord(*reading.memory);
    } else {
      for (Column* column : {&records, &updated, &users, &expires_on}) column->AddNull();
    }
  }
  std::vector<Param> Take() {
    std::vector<Param> params = keys.Take();
    for (Column* column :
         {&records, &digests, &updated, &users, &expires_on, &expired, &gone, &applied, &waits, &wrote, &asked}) {
      params.push_back(column->Take());
    }
    return params;
  }

 private:
  void AddRecord(const mappings::Memory& memory) {
    // `replace`: a byte that is not UTF-8 must not keep the memory from being mirrored.
    records.AddText(mappings::ExactText(memory.record));
    updated.AddTime(memory.updated_at);
    if (memory.user_id) {
      users.AddText(*memory.user_id);
    } else {
      users.AddNull();
    }
    if (memory.expires_on) {
      expires_on.AddText(FormatDay(*memory.expires_on));
    } else {
      expires_on.AddNull();
    }
  }
};

}  // namespace

std::vector<std::optional<Mirrored>> Mirror::LookUp(const std::vector<Claim>& claims) {
  std::vector<std::optional<Mirrored>> found(claims.size());
  if (claims.empty()) return found;
  // OFFSET 0 makes the planner look up one memory after the other, even when the table's statistics suggest a scan.
  static const std::string kSql = R"(
      SELECT c.place, m.record, m.digest, m.updated_at, m.gone_at IS NOT NULL, m.applied
      FROM unnest($1::smallint[], $2::text[], $3::text[]) WITH ORDINALITY AS c(bucket, project, memory_id, place)
      CROSS JOIN LATERAL (SELECT * FROM membridge.memories m
                          WHERE m.bucket = c.bucket AND m.project = c.project AND m.memory_id = c.memory_id OFFSET 0) AS m)";
  ClaimKeys keys;
  for (const Claim& claim : claims) keys.Add(claim);
  const Rows rows = transaction_.Run(kSql, keys.Take());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    found[static_cast<std::size_t>(rows.Int(row, 0)) - 1] = MirroredAt(rows, row);
  }
  return found;
}

void Mirror::Write(const std::vector<std::pair<Claim, Reading>>& readings) {
  if (readings.empty()) return;
  // No guard by updated_at or fence: the caller holds the locks StillOurs took, so ours is the newest claim, and what a later
  // claim reads comes after our commit. A tombstone keeps whose memory it was (for erasing a person) and nothing it said.
  static const std::string kSql = R"(
      INSERT INTO membridge.memories AS m
        (bucket, project, memory_id, record, digest, updated_at, user_id, expires_on, expired, gone_at, read_at, applied, waits,
         asked_at, changes)
      SELECT r.bucket, r.project, r.memory_id, r.record::jsonb, r.digest, r.updated_at, r.user_id, r.expires_on, r.expired,
             CASE WHEN r.gone THEN statement_timestamp() END, statement_timestamp(), r.applied, r.waits,
             r.asked_at, CASE WHEN r.wrote THEN ARRAY[tstzrange(NULL, statement_timestamp(), '(]')] ELSE '{}' END
      FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::text[], $8::date[],
                  $9::boolean[], $10::boolean[], $11::text[], $12::boolean[], $13::boolean[], $14::timestamptz[])
           AS r(bucket, project, memory_id, record, digest, updated_at, user_id, expires_on, expired, gone, applied, waits, wrote,
                asked_at)
      ORDER BY r.bucket, r.project COLLATE "C", r.memory_id COLLATE "C"
      ON CONFLICT (bucket, project, memory_id) DO UPDATE SET
        record = excluded.record,
        digest = excluded.digest,
        updated_at = coalesce(excluded.updated_at, m.updated_at),
        user_id = CASE WHEN excluded.gone_at IS NULL THEN excluded.user_id ELSE m.user_id END,
        expires_on = excluded.expires_on,
        expired = excluded.expired,
        gone_at = CASE WHEN excluded.gone_at IS NOT NULL THEN coalesce(m.gone_at, excluded.gone_at) END,
        read_at = excluded.read_at,
        applied = excluded.applied,
        waits = excluded.waits,
        asked_at = coalesce(excluded.asked_at, m.asked_at),
        changes = membridge.changes_with(m.changes, m.read_at, m.asked_at,
                                         CASE WHEN cardinality(excluded.changes) > 0 THEN excluded.read_at END))";
  MirrorColumns columns;
  for (const auto& [claim, reading] : readings) columns.Add(claim, reading);
  transaction_.Run(kSql, columns.Take());
}

void Mirror::ForgetApplied(const ProjectId& project, const std::vector<MemoryId>& memories) {
  Column buckets, ids;
  for (const MemoryId& memory : memories) {
    buckets.AddNumber(BucketOf(project, memory));
    ids.AddText(memory.Text());
  }
  transaction_.Run(R"(
      UPDATE membridge.memories m SET applied = NULL FROM unnest($2::smallint[], $3::text[]) AS c(bucket, memory_id)
      WHERE m.bucket = c.bucket AND m.project = $1 AND m.memory_id = c.memory_id)",
                   {project.Text(), buckets.Take(), ids.Take()});
}

std::size_t Mirror::MarkExpired(Day today, std::size_t limit) {
  // Leaves out marked memories: they will be evaluated anyway, and marking them at every look would never end.
  static const std::string kSql = R"(
      WITH ended AS MATERIALIZED (
        SELECT m.bucket, m.project, m.memory_id FROM membridge.memories m
        WHERE m.expires_on IS NOT NULL AND m.expires_on < $1::date AND m.gone_at IS NULL AND NOT m.expired
          AND NOT EXISTS (SELECT FROM membridge.dirty d
                          WHERE d.bucket = m.bucket AND d.project = m.project AND d.memory_id = m.memory_id)
        ORDER BY m.expires_on LIMIT $2::bigint)
      SELECT membridge.mark(array_agg(bucket), array_agg(project::text), array_agg(memory_id::text), 'expiry') FROM ended)";
  return static_cast<std::size_t>(transaction_.Run(kSql, {FormatDay(today), std::to_string(limit)}).Int(0, 0));
}

}  // namespace membridge::sync
