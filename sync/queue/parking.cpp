#include "sync/queue/parking.hpp"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Rows;

/// SQL for the time of the next try after `attempts` attempts.
std::string NextTry(std::string_view attempts, std::string_view depends_on, std::string_view retried) {
  return fmt::format(
      "(CASE WHEN NOT {2} THEN 'infinity' WHEN {1} <> '{{}}' AND {0} = 1 THEN clock_timestamp() + interval '2 seconds' "
      "ELSE clock_timestamp() + least(interval '1 day', interval '1 minute' * 2 ^ least({0} - 1, 11)) * (0.9 + random() / 5) "
      "END)",
      attempts, depends_on, retried);
}

}  // namespace

void Parked::Park(const Claim& claim, const Parking& parking) {
  std::vector<postgres::Param> depends_on(parking.depends_on.begin(), parking.depends_on.end());
  transaction_.Run(
      "INSERT INTO membridge.parked AS p (project, memory_id, mapping, code, cause, hint, place, sqlstate, depends_on, attempts, "
      "next_try_at) "
      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text[], $11::integer, " +
          NextTry("1", "$9::text[]", "$10::boolean") + R"()
      ON CONFLICT (project, memory_id, mapping) DO UPDATE SET
        code = excluded.code, cause = excluded.cause, hint = excluded.hint, place = excluded.place, sqlstate = excluded.sqlstate,
        depends_on = excluded.depends_on, attempts = p.attempts + $11::integer, tried_at = excluded.tried_at, next_try_at = )" +
          NextTry("greatest(p.attempts + $11::integer, 1)", "$9::text[]", "$10::boolean"),
      {claim.project.Text(), claim.memory.Text(), parking.mapping, std::string{NameOf(parking.code)}, parking.cause, parking.hint,
       parking.place, parking.sqlstate, postgres::ArrayOf(depends_on), parking.retried ? "t" : "f", parking.counts ? "1" : "0"});
}

std::size_t Parked::Retry(std::size_t limit) {
  const Rows rows = transaction_.Run(R"(
      WITH due AS MATERIALIZED (
        SELECT p.ctid AS place, p.project, p.memory_id, p.mapping FROM membridge.parked p
        WHERE p.next_try_at <= statement_timestamp() ORDER BY p.next_try_at LIMIT $1::bigint FOR UPDATE SKIP LOCKED),
      taken AS (
        UPDATE membridge.parked p SET next_try_at = 'infinity' WHERE p.ctid = ANY (ARRAY(SELECT place FROM due)))
      SELECT project, memory_id, bool_or(mapping = '') FROM due GROUP BY 1, 2)",
                                     {std::to_string(limit)});
  // Memories parked under no mapping could not be read or not be kept, so they are read from Mem0 again. The mirror has the
  // records of all others.
  std::map<std::pair<std::string, bool>, std::vector<MemoryId>> by_project;
  for (std::size_t row = 0; row < rows.size(); ++row)
    by_project[{std::string{rows.Text(row, 0)}, rows.Bool(row, 2)}].emplace_back(std::string{rows.Text(row, 1)});
  for (const auto& [which, memories] : by_project)
    Queue{transaction_}.Mark(ProjectId{which.first}, memories, which.second ? "sweep" : "reproject");
  return rows.size();
}

std::size_t Parked::Hasten(const std::vector<std::string>& relations) {
  if (relations.empty()) return 0;
  std::vector<postgres::Param> names(relations.begin(), relations.end());
  // Up to three attempts a memory is due at once, later after a pause that grows to a minute. Otherwise a load would try all
  // waiting memories with every batch. Rows are written by a list of their places, as in Queue::Settle.
  static constexpr std::string_view kPause = "least(2 ^ (p.attempts - 3), 60) * interval '1 second' * (p.attempts > 3)::integer";
  static const std::string kSql = fmt::format(R"(
      UPDATE membridge.parked p SET next_try_at = greatest(statement_timestamp(), p.tried_at + {0})
      WHERE p.ctid = ANY (ARRAY(
          SELECT q.ctid FROM membridge.parked q
          WHERE q.depends_on && $1::text[] AND q.depends_on <> '{{}}' AND q.next_try_at < 'infinity' FOR UPDATE SKIP LOCKED))
        AND greatest(statement_timestamp(), p.tried_at + {0}) < p.next_try_at)",
                                              kPause);
  return transaction_.Run(kSql, {postgres::ArrayOf(names)}).Affected();
}

std::size_t Parked::HastenOf(const ProjectId& project, const std::string& edition) {
  return transaction_
      .Run(R"(
      UPDATE membridge.parked p SET next_try_at = statement_timestamp(), edition = $2
      WHERE p.project = $1 AND p.edition <> $2 AND p.next_try_at < 'infinity')",
           {project.Text(), edition})
      .Affected();
}

void Parked::Unpark(const std::vector<Claim>& claims, const std::vector<std::string>& mappings) {
  if (claims.empty() || mappings.empty()) return;
  Column projects, memories, names;
  for (const Claim& claim : claims) {
    projects.AddText(claim.project.Text());
    memories.AddText(claim.memory.Text());
  }
  for (const std::string& mapping : mappings) names.AddText(mapping);
  // The caller holds the memories' locks, so no other worker parks one of them at the same time.
  transaction_.Run(R"(
      DELETE FROM membridge.parked p WHERE p.ctid = ANY (ARRAY(
        SELECT q.place FROM unnest($1::text[], $2::text[]) AS c(project, memory_id)
        CROSS JOIN LATERAL (SELECT q.ctid AS place FROM membridge.parked q
                            WHERE q.project = c.project AND q.memory_id = c.memory_id AND q.mapping = ANY ($3::text[]) OFFSET 0) AS q)))",
                   {projects.Take(), memories.Take(), names.Take()});
}

}  // namespace membridge::sync
