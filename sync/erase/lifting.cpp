#include "sync/erase/lifting.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Rows;

constexpr const char* kIsErased = R"(
    SELECT EXISTS (SELECT FROM membridge.suppressions WHERE hash IN (SELECT membridge.suppression_hashes('user', $1, $2))))";
constexpr const char* kIsCutOff = R"(
    SELECT EXISTS (SELECT FROM membridge.erasures
                   WHERE user_hash = membridge.suppression_hash('user', $1, $2) AND finished_at IS NULL))";
// Memories that came while the person was erased are suppressed by their own ids, so each one that Mem0 has is admitted too. This
// is remembered, because ledgers hold the suppressions as well.
constexpr const char* kAdmit = R"(
    WITH admitted AS (
      DELETE FROM membridge.suppressions s
      WHERE s.hash IN (SELECT membridge.suppression_hashes('user', $1, $2)
                       UNION ALL SELECT membridge.suppression_hashes('memory', $1, m.id) FROM unnest($3::text[]) AS m(id))
      RETURNING s.hash)
    INSERT INTO membridge.lifted_suppressions AS l (hash) SELECT hash FROM admitted
    ON CONFLICT (hash) DO UPDATE SET lifted_at = excluded.lifted_at)";
constexpr const char* kNoteLifted = R"(
    UPDATE membridge.erasures SET lifted_at = clock_timestamp()
    WHERE user_hash = membridge.suppression_hash('user', $1, $2) AND lifted_at IS NULL)";
constexpr const char* kTellLifted = "SELECT encode(membridge.suppression_hash('user', $1, $2), 'hex'), clock_timestamp()";
constexpr const char* kListErasures = R"(
    SELECT id, encode(user_hash, 'hex'), begun_at, finished_at, lifted_at FROM membridge.erasures
    WHERE project = $1 ORDER BY begun_at DESC, id)";

}  // namespace

bool Lifting::IsErased(const ProjectId& project, const std::string& user) {
  return session_.Run(kIsErased, {project.Text(), user}).Bool(0, 0);
}

Result<LiftReceipt> Lifting::Lift(const ProjectId& project, const std::string& user, const std::vector<MemoryId>& at_mem0) {
  LiftReceipt receipt;
  postgres::Transaction transaction = session_.Begin();
  if (!transaction.Run(kIsErased, {project.Text(), user}).Bool(0, 0))
    return Fail(ErrorCode::kNotFound, "this user is not erased", "is it the name that Mem0 knows them by?");
  if (transaction.Run(kIsCutOff, {project.Text(), user}).Bool(0, 0))
    return Fail(ErrorCode::kRefused, "an erasure of this user was cut off", "run membridge erase once more, then lift it");
  Column ids;
  for (const MemoryId& memory : at_mem0) ids.AddText(memory.Text());
  transaction.Run(kAdmit, {project.Text(), user, ids.Take()});
  transaction.Run(kNoteLifted, {project.Text(), user});
  const Rows told = transaction.Run(kTellLifted, {project.Text(), user});
  receipt.user_hash = told.Text(0, 0);
  receipt.lifted_at = postgres::TimeAt(told, 0, 1);
  transaction.Commit();
  return receipt;
}

std::vector<ErasureRecord> Lifting::List(const ProjectId& project) {
  const Rows rows = session_.Run(kListErasures, {project.Text()});
  std::vector<ErasureRecord> records;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    records.push_back({.id = std::string{rows.Text(row, 0)},
                       .project = project,
                       .user_hash = std::string{rows.Text(row, 1)},
                       .begun_at = postgres::TimeAt(rows, row, 2),
                       .finished_at = postgres::OptionalTimeAt(rows, row, 3),
                       .lifted_at = postgres::OptionalTimeAt(rows, row, 4)});
  }
  return records;
}

}  // namespace membridge::sync
