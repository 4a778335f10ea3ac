#include "sync/source/source_state.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync::source {
namespace {

using postgres::Rows;

constexpr const char* kFind =
    "SELECT relid, incarnation, snapshot, lost, lost_before, wanted FROM membridge.source_tables WHERE project = $1";
constexpr const char* kMeet =
    "INSERT INTO membridge.source_tables (project, relid) VALUES ($1, $2::bigint) ON CONFLICT DO NOTHING";
constexpr const char* kAccept = R"(
    INSERT INTO membridge.source_tables AS s (project, relid) VALUES ($1, $2::bigint)
    ON CONFLICT (project) DO UPDATE SET relid = excluded.relid, incarnation = NULL, snapshot = NULL, lost_before = NULL
    WHERE s.relid <> excluded.relid)";
constexpr const char* kStore = R"(
    UPDATE membridge.source_tables SET incarnation = $2, snapshot = $3, lost = $4::bigint, lost_before = $5, wanted = coalesce(wanted, $6),
      moved_at = clock_timestamp()
    WHERE project = $1)";
constexpr const char* kTell = R"(
    UPDATE membridge.source_tables SET mode = $2, trouble = $3, hint = $4, log_entries = $5::bigint, told_at = clock_timestamp()
    WHERE project = $1)";
constexpr const char* kView =
    "SELECT mode, trouble, hint, log_entries, told_at, wanted FROM membridge.source_tables WHERE project = $1";
constexpr const char* kNoteDeleted = R"(
    INSERT INTO membridge.source_deletions (project, memory_id) SELECT DISTINCT $1, m FROM unnest($2::text[]) AS m ORDER BY 2
    ON CONFLICT (project, memory_id) DO UPDATE SET at = excluded.at)";
constexpr const char* kNoteAllDeleted = R"(
    WITH all_of_them AS (
      SELECT bucket, project, memory_id FROM membridge.memories WHERE bucket = $2::smallint AND project = $1 AND gone_at IS NULL),
    noted AS (
      INSERT INTO membridge.source_deletions (project, memory_id) SELECT project, memory_id FROM all_of_them ORDER BY 2
      ON CONFLICT (project, memory_id) DO UPDATE SET at = excluded.at)
    SELECT count(*), membridge.mark(coalesce(array_agg(bucket), '{}'), coalesce(array_agg(project), '{}'),
                                    coalesce(array_agg(memory_id), '{}'), 'delivery')
    FROM all_of_them)";

}  // namespace

std::optional<Remembered> SourceState::Find(const ProjectId& project) {
  const Rows rows = transaction_.Run(kFind, {project.Text()});
  if (rows.empty()) return std::nullopt;
  return Remembered{rows.Int(0, 0), rows.Optional(0, 1), rows.Optional(0, 2),
                    rows.Int(0, 3), rows.Optional(0, 4), rows.Optional(0, 5)};
}

Remembered SourceState::Meet(const ProjectId& project, std::int64_t relid) {
  if (const auto known = Find(project)) return *known;
  transaction_.Run(kMeet, {project.Text(), std::to_string(relid)});
  return Find(project).value_or(Remembered{.relid = relid});
}

void SourceState::Accept(const ProjectId& project, std::int64_t relid) {
  transaction_.Run(kAccept, {project.Text(), std::to_string(relid)});
}

void SourceState::ForgetLog(const ProjectId& project) {
  transaction_.Run(
      "UPDATE membridge.source_tables SET incarnation = NULL, snapshot = NULL, lost_before = NULL WHERE project = $1",
      {project.Text()});
}

void SourceState::Store(const ProjectId& project, const Remembered& remembered) {
  transaction_.Run(kStore, {project.Text(), remembered.incarnation, remembered.snapshot, std::to_string(remembered.lost),
                            remembered.lost_before, remembered.wanted});
}

void SourceState::Want(const ProjectId& project, std::string_view reason) {
  transaction_.Run("UPDATE membridge.source_tables SET wanted = coalesce(wanted, $2) WHERE project = $1",
                   {project.Text(), std::string{reason}});
}

void SourceState::WantNoMore(const ProjectId& project) {
  transaction_.Run("UPDATE membridge.source_tables SET wanted = NULL WHERE project = $1", {project.Text()});
}

void SourceState::Tell(const ProjectId& project, std::string_view mode, const Error& trouble, std::int64_t log_entries) {
  transaction_.Run(kTell, {project.Text(), std::string{mode}, trouble.message, trouble.hint, std::to_string(log_entries)});
}

std::optional<SourceView> SourceState::View(const ProjectId& project) {
  const Rows rows = transaction_.Run(kView, {project.Text()});
  if (rows.empty()) return std::nullopt;
  return SourceView{std::string{rows.Text(0, 0)}, std::string{rows.Text(0, 1)}, std::string{rows.Text(0, 2)}, rows.Int(0, 3),
                    postgres::TimeAt(rows, 0, 4), rows.Optional(0, 5)};
}

void SourceState::NoteDeleted(const ProjectId& project, const std::vector<MemoryId>& memories) {
  if (memories.empty()) return;
  postgres::Column ids;
  for (const MemoryId& memory : memories) ids.AddText(memory.Text());
  transaction_.Run(kNoteDeleted, {project.Text(), ids.Take()});
}

std::int64_t SourceState::NoteAllDeleted(const ProjectId& project, int bucket) {
  return transaction_.Run(kNoteAllDeleted, {project.Text(), std::to_string(bucket)}).Int(0, 0);
}

void SourceState::ForgetOldDeletions() {
  transaction_.Run("DELETE FROM membridge.source_deletions WHERE at < clock_timestamp() - interval '2 days'");
}

}  // namespace membridge::sync::source
