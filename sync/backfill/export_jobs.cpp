#include "sync/backfill/export_jobs.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Param;
using postgres::Rows;

Param ListOf(const std::vector<std::string>& texts) {
  if (texts.empty()) return "{}";
  postgres::Column column;
  for (const std::string& text : texts) column.AddText(text);
  return column.Take();
}

std::string Id(const Run& run) {
  return std::to_string(run.id);
}

}  // namespace

void ExportJobs::Add(const std::vector<std::string>& users, const std::string& asked, bool all, Instant now) {
  // Mem0's clock and ours may differ by minutes. A memory that is gone or expired says less than it did at the last export.
  transaction_.Run(
      R"(
      INSERT INTO membridge.export_jobs (run, entity, state, due_at, note)
      SELECT $1::bigint, u.name, CASE WHEN u.changed THEN 'waiting' ELSE 'done' END, $6::timestamptz,
             CASE WHEN u.changed THEN NULL ELSE 'unchanged' END
      FROM (SELECT DISTINCT n.name, $5::boolean OR e.asked_at IS NULL OR e.asked <> $4 OR EXISTS (
                SELECT FROM membridge.memories m
                WHERE m.project = $2 AND hashtextextended(m.user_id, 0) = hashtextextended(n.name, 0) AND m.user_id = n.name
                  AND (m.updated_at > e.asked_at - interval '5 minutes' OR m.gone_at > e.asked_at - interval '5 minutes'
                       OR (m.expires_on < $6::timestamptz::date AND m.expires_on >= e.asked_at::date))) AS changed
            FROM unnest($7::text[]) AS n(name)
            LEFT JOIN membridge.exported e ON e.project = $2 AND e.mapping = $3 AND e.entity = n.name) AS u
      ON CONFLICT DO NOTHING)",
      {Id(run_), run_.project.Text(), run_.options.mapping, asked, all ? "t" : "f", FormatRfc3339(now), ListOf(users)});
}

void ExportJobs::Refuse(const std::string& name, const std::string& note, Instant now) {
  transaction_.Run(
      "INSERT INTO membridge.export_jobs (run, entity, state, due_at, note) VALUES ($1::bigint, $2, 'failed', $3::timestamptz, "
      "$4) "
      "ON CONFLICT DO NOTHING",
      {Id(run_), name, FormatRfc3339(now), note});
}

ExportJobs::Tally ExportJobs::Count() {
  const Rows rows = transaction_.Run(
      "SELECT count(*), count(*) FILTER (WHERE note = 'unchanged' AND state = 'done'), count(*) FILTER (WHERE state = "
      "'waiting'), "
      "count(*) FILTER (WHERE state IN ('asked', 'made')), count(*) FILTER (WHERE state = 'done'), "
      "count(*) FILTER (WHERE state = 'parked'), count(*) FILTER (WHERE state = 'failed') FROM membridge.export_jobs WHERE run = "
      "$1::bigint",
      {Id(run_)});
  return {rows.Int(0, 0), rows.Int(0, 1), rows.Int(0, 2), rows.Int(0, 3), rows.Int(0, 4), rows.Int(0, 5), rows.Int(0, 6)};
}

std::vector<std::pair<std::string, std::string>> ExportJobs::Failed(std::size_t limit) {
  const Rows rows = transaction_.Run(
      "SELECT entity, coalesce(note, 'no reason is known') FROM membridge.export_jobs WHERE run = $1::bigint AND state = "
      "'failed' "
      "ORDER BY entity LIMIT $2::bigint",
      {Id(run_), std::to_string(limit)});
  std::vector<std::pair<std::string, std::string>> failed;
  for (std::size_t row = 0; row < rows.size(); ++row) failed.emplace_back(rows.Text(row, 0), rows.Text(row, 1));
  return failed;
}

std::int64_t ExportJobs::Recover() {
  const Rows rows = transaction_.Run(
      "UPDATE membridge.export_jobs SET state = CASE WHEN asks < 2 THEN 'waiting' ELSE 'failed' END, "
      "note = CASE WHEN asks < 2 THEN 'the answer was lost; asked again' ELSE 'the answer was lost twice' END "
      "WHERE run = $1::bigint AND state = 'asked' RETURNING state",
      {Id(run_)});
  std::int64_t again = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) again += rows.Text(row, 0) == "waiting" ? 1 : 0;
  return again;
}

std::optional<ExportJob> ExportJobs::NextDue(std::string_view state, Instant now) {
  const Rows rows = transaction_.Run(
      "SELECT entity, export_id, asks, polls, asked_at FROM membridge.export_jobs "
      "WHERE run = $1::bigint AND state = $2 AND due_at <= $3::timestamptz ORDER BY due_at, entity LIMIT 1",
      {Id(run_), std::string{state}, FormatRfc3339(now)});
  if (rows.empty()) return std::nullopt;
  ExportJob job;
  job.entity = rows.Text(0, 0);
  job.export_id = rows.Text(0, 1);
  job.asks = static_cast<int>(rows.Int(0, 2));
  job.polls = static_cast<int>(rows.Int(0, 3));
  job.asked_at = postgres::OptionalTimeAt(rows, 0, 4).value_or(Instant{});
  return job;
}

std::optional<Instant> ExportJobs::DueAt(bool may_ask) {
  return postgres::OptionalTimeAt(
      transaction_.Run("SELECT min(due_at) FROM membridge.export_jobs "
                       "WHERE run = $1::bigint AND (state = 'made' OR state = 'waiting' AND $2::boolean)",
                       {Id(run_), may_ask ? "t" : "f"}),
      0, 0);
}

void ExportJobs::Put(const ExportJob& job, std::string_view state, Instant due_at, const std::string& note) {
  transaction_.Run(
      "UPDATE membridge.export_jobs SET state = $3, export_id = nullif($4, ''), asks = $5::integer, polls = $6::integer, "
      "asked_at = $7::timestamptz, due_at = $8::timestamptz, note = nullif($9, '') WHERE run = $1::bigint AND entity = $2",
      {Id(run_), job.entity, std::string{state}, job.export_id, std::to_string(job.asks), std::to_string(job.polls),
       job.asks == 0 ? Param{} : Param{FormatRfc3339(job.asked_at)}, FormatRfc3339(due_at), note});
}

void ExportJobs::Remember(const ExportJob& job, const std::string& asked) {
  transaction_.Run(
      "INSERT INTO membridge.exported AS e (project, mapping, entity, asked, asked_at, export_id) VALUES ($1, $2, $3, $4, "
      "$5::timestamptz, $6) "
      "ON CONFLICT (project, mapping, entity) DO UPDATE SET asked = excluded.asked, asked_at = excluded.asked_at, export_id = "
      "excluded.export_id",
      {run_.project.Text(), run_.options.mapping, job.entity, asked, FormatRfc3339(job.asked_at), job.export_id});
}

std::vector<std::string> ExportJobs::Vanished() {
  const Rows rows = transaction_.Run(R"(
      SELECT e.entity FROM membridge.exported e
      WHERE e.project = $2 AND e.mapping = $3
        AND NOT EXISTS (SELECT FROM membridge.export_jobs j WHERE j.run = $1::bigint AND j.entity = e.entity)
        AND NOT EXISTS (SELECT FROM membridge.memories m
                         WHERE m.project = $2 AND hashtextextended(m.user_id, 0) = hashtextextended(e.entity, 0)
                           AND m.user_id = e.entity AND m.gone_at IS NULL)
      ORDER BY e.entity)",
                                     {Id(run_), run_.project.Text(), run_.options.mapping});
  std::vector<std::string> users;
  for (std::size_t row = 0; row < rows.size(); ++row) users.emplace_back(rows.Text(row, 0));
  return users;
}

std::int64_t ExportJobs::Known() {
  return transaction_
      .Run("SELECT count(*) FROM membridge.exported WHERE project = $1 AND mapping = $2",
           {run_.project.Text(), run_.options.mapping})
      .Int(0, 0);
}

void ExportJobs::Forget(const std::vector<std::string>& users) {
  transaction_.Run("DELETE FROM membridge.exported WHERE project = $1 AND mapping = $2 AND entity = ANY ($3::text[])",
                   {run_.project.Text(), run_.options.mapping, ListOf(users)});
}

std::int64_t ExportJobs::NextFence() {
  return transaction_.Run("SELECT nextval('membridge.fence')").Int(0, 0);
}

}  // namespace membridge::sync
