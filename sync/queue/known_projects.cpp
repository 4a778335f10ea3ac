#include "sync/queue/known_projects.hpp"

#include <fmt/format.h>

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

constexpr const char* kRememberProject =
    "INSERT INTO membridge.mem0_projects (project, org_id, project_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
constexpr const char* kFindProject = "SELECT org_id, project_id, known_at FROM membridge.mem0_projects WHERE project = $1";
constexpr const char* kAdoptProject = R"(
    INSERT INTO membridge.mem0_projects AS p (project, org_id, project_id) VALUES ($1, $2, $3)
    ON CONFLICT (project) DO UPDATE SET org_id = excluded.org_id, project_id = excluded.project_id, known_at = clock_timestamp())";

/// How the `org_id` of a self-hosted project begins: the server and the database stand for the organisation.
constexpr const char* kOwnServer = "postgresql ";

/// Compares organisations only when both are known.
bool IsSame(const KnownProject& known, const mem0::Account& account) {
  const bool same_org = known.org_id.empty() || account.org_id.empty() || known.org_id == account.org_id;
  return same_org && known.project_id == account.project_id;
}

std::string NameOfProject(const std::string& org, const std::string& project) {
  return org.empty() ? project : fmt::format("{} of {}", project, org);
}

Result<void> Verdict(const std::optional<KnownProject>& known, const ProjectId& project, const mem0::Account& account) {
  if (!known || IsSame(*known, account)) return {};
  if (account.org_id.starts_with(kOwnServer) || known->org_id.starts_with(kOwnServer))
    return Fail(ErrorCode::kUnauthorized,
                fmt::format("the source of project {} is now {}, and this state knows it as {}", project.Text(),
                            NameOfProject(account.org_id, account.project_id), NameOfProject(known->org_id, known->project_id)),
                fmt::format("lead the project to the right place again; if the change is meant, run membridge projects adopt {}",
                            project.Text()));
  return Fail(
      ErrorCode::kUnauthorized,
      fmt::format("the API key of project {} belongs to {} at Mem0, and this state knows the project as {}", project.Text(),
                  NameOfProject(account.org_id, account.project_id), NameOfProject(known->org_id, known->project_id)),
      fmt::format("put the right key back; if the project at Mem0 was really replaced, run membridge projects adopt {}",
                  project.Text()));
}

}  // namespace

std::optional<KnownProject> KnownProjects::Find(const ProjectId& project) {
  const postgres::Rows rows = session_.Run(kFindProject, {project.Text()});
  if (rows.empty()) return std::nullopt;
  return KnownProject{project, std::string{rows.Text(0, 0)}, std::string{rows.Text(0, 1)}, postgres::TimeAt(rows, 0, 2)};
}

Result<void> KnownProjects::Recognise(const ProjectId& project, const mem0::Account& account) {
  auto known = Find(project);
  if (!known) {
    session_.Run(kRememberProject, {project.Text(), account.org_id, account.project_id});
    known = Find(project);  // another process may have been faster
  }
  return Verdict(known, project, account);
}

Result<void> KnownProjects::Compare(const ProjectId& project, const mem0::Account& account) {
  const bool remembers = session_.Run("SELECT to_regclass('membridge.mem0_projects') IS NOT NULL").Bool(0, 0);
  return Verdict(remembers ? Find(project) : std::nullopt, project, account);
}

bool KnownProjects::Adopt(const ProjectId& project, const mem0::Account& account) {
  postgres::Transaction transaction = session_.Begin();
  const postgres::Rows rows = transaction.Run(kFindProject, {project.Text()});
  const bool same = !rows.empty() && rows.Text(0, 0) == account.org_id && rows.Text(0, 1) == account.project_id;
  if (!same) {
    transaction.Run(kAdoptProject, {project.Text(), account.org_id, account.project_id});
    transaction.Run("DELETE FROM membridge.sweep_watermarks WHERE project = $1", {project.Text()});
    transaction.Run(
        "UPDATE membridge.dirty SET due_at = statement_timestamp() WHERE project = $1 AND due_at > statement_timestamp()",
        {project.Text()});
  }
  // A table that was made again has the same name and counts from now on.
  transaction.Run("DELETE FROM membridge.source_tables WHERE project = $1", {project.Text()});
  transaction.Commit();
  return !same;
}

}  // namespace membridge::sync
