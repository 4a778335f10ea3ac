#include "sync/queue/blocked.hpp"

#include "sync/postgres/column.hpp"
#include "sync/postgres/where.hpp"

namespace membridge::sync {

std::vector<BlockedMemory> ListBlocked(postgres::Transaction& transaction, const std::optional<ProjectId>& project,
                                       const std::optional<MemoryId>& memory, std::size_t limit) {
  postgres::Where where;
  if (project) where.Add("d.project = ?", project->Text());
  if (memory) where.Add("d.memory_id = ?", memory->Text());
  const postgres::Rows rows = transaction.Run(
      "SELECT d.project, d.memory_id, d.blocked_since, d.due_at, d.attempts, coalesce(d.last_error, '') FROM membridge.dirty d " +
          where.Sql() + " AND d.blocked_since IS NOT NULL ORDER BY d.blocked_since, d.project, d.memory_id LIMIT " +
          std::to_string(limit),
      where.Params());
  std::vector<BlockedMemory> blocked;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    blocked.push_back({.project = ProjectId{std::string{rows.Text(row, 0)}},
                       .memory = MemoryId{std::string{rows.Text(row, 1)}},
                       .since = postgres::TimeAt(rows, row, 2),
                       .due_at = postgres::TimeAt(rows, row, 3),
                       .attempts = static_cast<int>(rows.Int(row, 4)),
                       .cause = std::string{rows.Text(row, 5)}});
  }
  return blocked;
}

BlockedSum SumBlocked(postgres::Transaction& transaction) {
  const postgres::Rows rows = transaction.Run(
      "SELECT count(*), coalesce(greatest(0, extract(epoch FROM clock_timestamp() - min(blocked_since))), 0) "
      "FROM membridge.dirty WHERE blocked_since IS NOT NULL");
  return {rows.Int(0, 0), std::chrono::duration<double>{std::stod(std::string{rows.Text(0, 1)})}};
}

}  // namespace membridge::sync
