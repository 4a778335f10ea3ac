#include "sync/queue/parked.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "sync/postgres/column.hpp"
#include "sync/postgres/where.hpp"
#include "sync/queue/marking.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Rows;
using postgres::Transaction;
using postgres::Where;

constexpr std::size_t kLongestPage = 1000;

// The cause without what differs from memory to memory. PostgreSQL quotes a value behind a colon (invalid input syntax for type
// date: "…"), in a key's brackets (Key (email)=(…)), or a whole row's at the end of its detail (Failing row contains (…).); other
// double quotes hold names of columns and constraints, which stay. Then quoted texts of our own, ids and numbers.
constexpr std::string_view kPattern =
    R"re(regexp_replace(regexp_replace(regexp_replace(regexp_replace(regexp_replace(p.cause,
        '\(([^()=]*) \(.*\)\.?\)$', '(\1 (…))'),
        ': ".*"', ': …', 'g'), '=\(.*\)', '=(…)', 'g'), '''[^'']*''', '…', 'g'),
        '\m[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\M|\m[0-9]+([.,:-][0-9]+)*\M', '…', 'gi'))re";

// The table with pattern and group beside every row. \x1f separates, as it stands in none of the parts.
const std::string& Grouped() {
  static const std::string kSql = fmt::format(
      "(SELECT p.*, {0} AS pattern, "
      "left(encode(sha256(convert_to(concat_ws(E'\\x1f', p.project, p.mapping, p.place, p.code, p.sqlstate, {0}), 'UTF8')), "
      "'hex'), 12) "
      "AS cause_group FROM membridge.parked p) AS p",
      kPattern);
  return kSql;
}

Where WhereOf(const ParkedFilter& filter) {
  Where where;
  if (filter.project) where.Add("p.project = ?", filter.project->Text());
  if (filter.memory) where.Add("p.memory_id = ?", filter.memory->Text());
  if (filter.mapping) where.Add("p.mapping = ?", *filter.mapping);
  if (filter.code) where.Add("p.code = ?", *filter.code);
  if (filter.group) where.Add("p.cause_group = ?", *filter.group);
  if (filter.older_than)
    where.Add("p.parked_at < clock_timestamp() - make_interval(secs => ?::float8)", std::to_string(filter.older_than->count()));
  return where;
}

ErrorCode CodeOf(std::string_view name) {
  for (const ErrorCode code : {ErrorCode::kUnauthorized, ErrorCode::kBadDelivery, ErrorCode::kBadMapping, ErrorCode::kRowRejected,
                               ErrorCode::kNotFound, ErrorCode::kRefused, ErrorCode::kUnavailable}) {
    if (NameOf(code) == name) return code;
  }
  return ErrorCode::kRowRejected;
}

std::string TextAt(const Rows& rows, std::size_t row, std::size_t column) {
  return std::string{rows.Text(row, column)};
}

// A cursor is the key of the last memory of its page, as JSON.
std::string CursorOf(const ParkedMemory& last) {
  return nlohmann::json{last.project.Text(), last.memory.Text(), last.parking.mapping}.dump();
}

bool StartBehind(Where& where, const std::string& cursor) {
  const nlohmann::json key = nlohmann::json::parse(cursor, nullptr, false);
  if (!key.is_array() || key.size() != 3) return false;
  std::vector<postgres::Param> parts;
  for (const nlohmann::json& part : key) {
    if (!part.is_string()) return false;
    parts.emplace_back(part.get<std::string>());
  }
  where.Add("(p.project, p.memory_id, p.mapping) > ((?::text[])[1], (?::text[])[2], (?::text[])[3])", postgres::ArrayOf(parts));
  return true;
}

}  // namespace

std::vector<ParkedGroup> ParkedStore::List(const ParkedFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows = transaction_.Run(
      fmt::format(
          "SELECT p.cause_group, min(p.project), min(p.mapping), min(p.code), min(p.sqlstate), min(p.place), min(p.pattern), "
          "min(p.hint), count(*), (array_agg(p.memory_id ORDER BY p.tried_at DESC, p.memory_id))[1], "
          "min(p.parked_at), max(p.tried_at) "
          "FROM {} {} GROUP BY p.cause_group ORDER BY count(*) DESC, p.cause_group",
          Grouped(), where.Sql()),
      where.Params());
  std::vector<ParkedGroup> groups;
  groups.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    groups.push_back({.group = TextAt(rows, row, 0),
                      .project = ProjectId{TextAt(rows, row, 1)},
                      .mapping = TextAt(rows, row, 2),
                      .code = TextAt(rows, row, 3),
                      .sqlstate = TextAt(rows, row, 4),
                      .place = TextAt(rows, row, 5),
                      .cause = TextAt(rows, row, 6),
                      .hint = TextAt(rows, row, 7),
                      .memories = static_cast<std::size_t>(rows.Int(row, 8)),
                      .example = MemoryId{TextAt(rows, row, 9)},
                      .first_parked_at = postgres::TimeAt(rows, row, 10),
                      .last_tried_at = postgres::TimeAt(rows, row, 11)});
  }
  return groups;
}

Result<ParkedPage> ParkedStore::Show(const ParkedFilter& filter, std::size_t limit, const std::optional<std::string>& cursor) {
  Where where = WhereOf(filter);
  if (cursor && !StartBehind(where, *cursor)) {
    return Fail(ErrorCode::kRefused, "the cursor is not one of this list", "start again without a cursor");
  }
  limit = std::clamp<std::size_t>(limit, 1, kLongestPage);
  // One memory more than asked for tells whether there is a next page.
  const Rows rows = transaction_.Run(
      fmt::format(
          "SELECT p.cause_group, p.project, p.memory_id, p.mapping, p.code, p.cause, p.hint, p.place, p.sqlstate, p.attempts, "
          "p.parked_at, p.tried_at, (SELECT count(*) FROM membridge.events e WHERE e.project = p.project AND e.memory_id = "
          "p.memory_id "
          "AND e.parked <> '{{}}' AND p.mapping = ANY (e.parked)) FROM {} {} ORDER BY p.project, p.memory_id, p.mapping LIMIT {}",
          Grouped(), where.Sql(), limit + 1),
      where.Params());
  ParkedPage page;
  for (std::size_t row = 0; row < std::min(rows.size(), limit); ++row) {
    page.memories.push_back({.group = TextAt(rows, row, 0),
                             .project = ProjectId{TextAt(rows, row, 1)},
                             .memory = MemoryId{TextAt(rows, row, 2)},
                             .parking = {.mapping = TextAt(rows, row, 3),
                                         .code = CodeOf(rows.Text(row, 4)),
                                         .cause = TextAt(rows, row, 5),
                                         .hint = TextAt(rows, row, 6),
                                         .place = TextAt(rows, row, 7),
                                         .sqlstate = TextAt(rows, row, 8)},
                             .code = TextAt(rows, row, 4),
                             .attempts = static_cast<int>(rows.Int(row, 9)),
                             .parked_at = postgres::TimeAt(rows, row, 10),
                             .tried_at = postgres::TimeAt(rows, row, 11),
                             .events = static_cast<std::size_t>(rows.Int(row, 12))});
  }
  if (rows.size() > limit) page.next = CursorOf(page.memories.back());
  return page;
}

std::size_t ParkedStore::Count(const ParkedFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows = transaction_.Run(
      fmt::format("SELECT count(*) FROM (SELECT DISTINCT p.project, p.memory_id FROM {} {}) AS memories", Grouped(), where.Sql()),
      where.Params());
  return static_cast<std::size_t>(rows.Int(0, 0));
}

std::size_t RetryParked(postgres::Session& session, const ParkedFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows =
      session.Run(fmt::format("SELECT DISTINCT p.project, p.memory_id FROM {} {}", Grouped(), where.Sql()), where.Params());
  std::vector<std::pair<ProjectId, MemoryId>> memories;
  memories.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) memories.emplace_back(TextAt(rows, row, 0), TextAt(rows, row, 1));
  MarkInSlices(session, std::move(memories), "manual");
  return rows.size();
}

std::size_t ParkedStore::Drop(const ParkedFilter& filter) {
  const Where where = WhereOf(filter);
  const Rows rows = transaction_.Run(
      fmt::format(
          "WITH dropped AS (DELETE FROM membridge.parked d USING {} {} AND d.project = p.project AND d.memory_id = p.memory_id "
          "AND d.mapping = p.mapping RETURNING d.project, d.memory_id, d.mapping) "
          "SELECT DISTINCT project, memory_id, mapping FROM dropped",
          Grouped(), where.Sql()),
      where.Params());
  Column buckets, projects, memories, mappings;
  std::set<std::pair<std::string, std::string>> dropped;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const ProjectId project{TextAt(rows, row, 0)};
    const MemoryId memory{TextAt(rows, row, 1)};
    buckets.AddNumber(BucketOf(project, memory));
    projects.AddText(project.Text());
    memories.AddText(memory.Text());
    mappings.AddText(rows.Text(row, 2));
    dropped.emplace(project.Text(), memory.Text());
  }
  // Deletes the events that the memory's mapping refused. For a memory that could not be read, deletes the events that no mapping
  // was given yet.
  transaction_.Run(R"(
      WITH dropped AS MATERIALIZED (
        SELECT d.bucket, d.project, d.memory_id, array_agg(d.mapping) AS mappings
        FROM unnest($1::smallint[], $2::text[], $3::text[], $4::text[]) AS d(bucket, project, memory_id, mapping) GROUP BY 1, 2, 3),
      left_over AS MATERIALIZED (
        SELECT e.bucket, e.project, e.memory_id, e.id,
               ARRAY(SELECT m FROM unnest(e.parked) AS m WHERE m <> ALL (d.mappings)) AS parked
        FROM dropped d JOIN membridge.events e ON e.bucket = d.bucket AND e.project = d.project AND e.memory_id = d.memory_id
        WHERE e.parked && d.mappings
           OR (e.parked = '{}' AND '' = ANY (d.mappings)
               AND NOT EXISTS (SELECT FROM membridge.dirty m
                               WHERE m.bucket = e.bucket AND m.project = e.project AND m.memory_id = e.memory_id))
        FOR UPDATE OF e),
      ended AS (
        DELETE FROM membridge.events e USING left_over l
        WHERE e.bucket = l.bucket AND e.project = l.project AND e.memory_id = l.memory_id AND e.id = l.id AND l.parked = '{}')
      UPDATE membridge.events e SET parked = l.parked FROM left_over l
      WHERE e.bucket = l.bucket AND e.project = l.project AND e.memory_id = l.memory_id AND e.id = l.id AND l.parked <> '{}')",
                   {buckets.Take(), projects.Take(), memories.Take(), mappings.Take()});
  return dropped.size();
}

}  // namespace membridge::sync
