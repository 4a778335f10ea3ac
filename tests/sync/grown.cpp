#include "tests/sync/grown.hpp"

#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "sync/inbox/delivery_partitions.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/inbox/delivering.hpp"

namespace membridge::test {

std::int64_t ManyMemories() {
  const char* wanted = std::getenv("MEMBRIDGE_GROWN_TO");
  return wanted == nullptr ? 36'000 : std::strtoll(wanted, nullptr, 10);
}

void FillUp(const PgDatabase& db, const std::string& project, const std::string& table, std::int64_t memories) {
  const std::string numbers = " FROM generate_series(1, " + std::to_string(memories) + ") AS n";
  const std::string tenth = " FROM generate_series(1, " + std::to_string(memories / 10) + ") AS n";
  const std::string id = "md5('" + project + "' || n)::uuid::text", p = "'" + project + "', ";
  const std::string row = "'public." + table + "', jsonb_build_object('memory_id', " + id + ")";
  const std::string past = "now() - n * interval '1 millisecond'",
                    future = "now() + interval '1 day' + n * interval '1 millisecond'";
  const std::string day = "TIMESTAMPTZ '2026-03-01T12:00:00Z' + n * interval '1 millisecond'";
  const std::string statements[]{
      "INSERT INTO membridge.memories (bucket, project, memory_id, record, digest, user_id, read_at, applied, waits) SELECT n % "
      "64, " +
          p + id + ", jsonb_build_object('id', n, 'text', 'Likes tea'), md5(n::text), 'user-' || n / 100, " + past +
          ", md5(n::text), n % 1000 = 0" + numbers,
      "INSERT INTO membridge.sources (project, mapping, source, stamp, fence) SELECT " + p + "'notes', " + id + ", now(), n" +
          numbers,
      "INSERT INTO " + table + " (memory_id, person, body) SELECT " + id + ", 'user-' || n / 100, 'Likes tea'" + numbers,
      "INSERT INTO membridge.rows (relation, identity, created, cells) SELECT " + row +
          R"(, true, '{"body": {"w": "Likes tea"}}')" + numbers,
      "INSERT INTO membridge.contributions (row_id, project, mapping, source, name, stamp, cells) SELECT (SELECT max(id) FROM "
      "membridge.rows) - n + 1, " +
          p + "'notes', " + id + R"(, 'note', now(), '{"body": {"v": "Likes tea"}}')" + numbers,
      // Of transactions long gone, which every fold has seen.
      "INSERT INTO membridge.deliveries (id, received_at, project, verdict, source, token, headers, memories, body, xid, "
      "buckets, told) "
      "SELECT gen_random_uuid(), " +
          day + ", " + p + "'accepted', '', '', '{}', ARRAY[" + id + "], '{}', '3', ARRAY[n % 64], '{ADD}'" + numbers,
      "INSERT INTO membridge.dirty (bucket, project, memory_id, reason, attempts, due_at) SELECT n % 64, " + p + id +
          ", 'delivery', 3, " + future + numbers,
      "INSERT INTO membridge.parked (project, memory_id, mapping, code, cause, next_try_at) SELECT 'other', " + id +
          ", 'notes', 'constraint', 'no', " + future + tenth,
      "INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at) SELECT n % 64, " + p + id +
          ", gen_random_uuid(), gen_random_uuid(), 'ADD', now()" + tenth,
      "INSERT INTO membridge.waiting (project, mapping, source, relation, key) SELECT " + p + "'notes', " + id + ", 'public." +
          table + "', n" + numbers,
      "INSERT INTO membridge.versions (relation, identity, project, source, created, cells) SELECT " + row + ", " + p + id +
          ", true, '{}'" + tenth,
      "INSERT INTO membridge.released (relation, identity, project, source, cells) SELECT " + row + ", " + p + id + ", '{}'" +
          tenth,
      "INSERT INTO membridge.former_speakers (row_id, project, source) SELECT (SELECT max(id) FROM membridge.rows) - n + 1, " +
          p + "'elsewhere ' || n" + tenth,
      "INSERT INTO membridge.suppressions (hash) SELECT sha256(('" + project + "' || n)::bytea)" + tenth,
      "INSERT INTO membridge.kept_out (hash, erased_at) SELECT sha256(('" + project + "' || n)::bytea), now()" + tenth,
      "INSERT INTO membridge.sweep_seen (run, bucket, memory_id, walk) SELECT 1000000, n % 64, " + id + ", 1" + numbers,
  };
  auto session = db.Session();
  sync::EnsurePartitions(session, Day{std::chrono::year{2026} / 3 / 1}, 0);
  for (const std::string& statement : statements) session.Run(statement);
}

void AwaitEnd(const PgDatabase& db) {
  const auto alone = [&] {
    return db.Value(
               "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
               "AND backend_type = 'client backend'") == "0";
  };
  if (!Eventually(alone)) throw std::runtime_error("sessions remain");
}

ReadByTable ReadSoFar(const PgDatabase& db) {
  ReadByTable read;
  const auto rows = db.Run(
      "SELECT t.relname, (coalesce(t.seq_tup_read, 0) + greatest(coalesce(t.idx_tup_fetch, 0), (SELECT "
      "coalesce(sum(i.idx_tup_read), 0) "
      "FROM pg_stat_user_indexes i WHERE i.relid = t.relid)))::bigint FROM pg_stat_user_tables t");
  for (std::size_t row = 0; row < rows.size(); ++row) read[std::string{rows.Text(row, 0)}] = rows.Int(row, 1);
  return read;
}

ReadByTable operator-(const ReadByTable& later, const ReadByTable& earlier) {
  ReadByTable difference = later;
  for (auto& [table, read] : difference) {
    const auto before = earlier.find(table);
    if (before != earlier.end()) read -= before->second;
  }
  return difference;
}

}  // namespace membridge::test
