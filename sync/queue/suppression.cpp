#include "sync/queue/suppression.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync {

using postgres::Column;
using postgres::Rows;

std::set<std::size_t> Suppression::Among(const std::vector<Memory>& memories) {
  std::set<std::size_t> places;
  if (memories.empty()) return places;
  Column projects, ids, users;
  for (const Memory& memory : memories) {
    projects.AddText(memory.project.Text());
    ids.AddText(memory.id.Text());
    if (memory.user) {
      users.AddText(*memory.user);
    } else {
      users.AddNull();
    }
  }
  const Rows rows = transaction_.Run("SELECT membridge.suppress_memories($1::text[], $2::text[], $3::text[])",
                                     {projects.Take(), ids.Take(), users.Take()});
  for (std::size_t row = 0; row < rows.size(); ++row) places.insert(static_cast<std::size_t>(rows.Int(row, 0)) - 1);
  return places;
}

std::set<std::string> Suppression::UsersAmong(const ProjectId& project, const std::vector<std::string>& users) {
  std::set<std::string> erased;
  if (users.empty()) return erased;
  Column names;
  for (const std::string& user : users) names.AddText(user);
  const Rows rows = transaction_.Run("SELECT membridge.suppressed_users($1, $2::text[])", {project.Text(), names.Take()});
  for (std::size_t row = 0; row < rows.size(); ++row) erased.emplace(rows.Text(row, 0));
  return erased;
}

}  // namespace membridge::sync
