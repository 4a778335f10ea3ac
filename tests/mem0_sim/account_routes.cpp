#include "tests/mem0_sim/api.hpp"

namespace membridge::mem0_sim {
namespace {

using Json = nlohmann::json;

Answer Ping(Project& project, const Call&) {
  return Ok({{"status", "ok"},
             {"org_id", project.account.org_id},
             {"project_id", project.account.project_id},
             {"user_email", project.account.user_email}});
}

Json OrganizationOf(const Project& project) {
  return {{"org_id", project.account.org_id}, {"name", "default-org"}, {"role", "OWNER"}};
}

Json ObjectOfAccountRoutes(const Project& project) {
  return {{"project_id", project.account.project_id},
          {"name", project.account.project_name},
          {"description", nullptr},
          {"custom_categories", nullptr},
          {"custom_instructions", nullptr},
          {"is_default", true},
          {"user_role", "OWNER"}};
}

Answer NotFound() {
  return WithStatus(404, {{"message", "Organization or project not found"}});
}

bool IsOurs(const Project& project, const Call& call) {
  return call.parts[0] == project.account.org_id && (call.parts.size() < 2 || call.parts[1] == project.account.project_id);
}

Answer ListOrganizations(Project& project, const Call&) {
  return Ok(Json::array({OrganizationOf(project)}));
}

Answer GetOrganization(Project& project, const Call& call) {
  return IsOurs(project, call) ? Ok(OrganizationOf(project)) : NotFound();
}

Answer ListProjects(Project& project, const Call& call) {
  return IsOurs(project, call) ? Ok(Json::array({ObjectOfAccountRoutes(project)})) : NotFound();
}

Answer GetProject(Project& project, const Call& call) {
  return IsOurs(project, call) ? Ok(ObjectOfAccountRoutes(project)) : NotFound();
}

Answer UpdateProject(Project& project, const Call& call) {
  return IsOurs(project, call) ? Ok({{"message", "Project updated successfully"}}) : NotFound();
}

Answer Stats(Project& project, const Call&) {
  std::size_t users = 0;
  for (const Entity& entity : project.store.Entities()) {
    if (entity.type == EntityType::kUser && !project.store.IsForgotten(entity)) ++users;
  }
  return Ok({{"total_memories", project.store.Size()},
             {"total_add_events", project.store.Slots()},
             {"total_retrieval_events", project.operations.All().size()},
             {"retrieval_events_limit", 1'000'000},
             {"total_users", users}});
}

}  // namespace

std::vector<Route> AccountRoutes() {
  return {{"GET", "/v1/ping/", "ping", Ping},
          {"GET", "/v1/stats/", "stats", Stats},
          {"GET", "/api/v1/orgs/organizations/", "orgs.list", ListOrganizations},
          {"GET", "/api/v1/orgs/organizations/{}/", "orgs.get", GetOrganization},
          {"GET", "/api/v1/orgs/organizations/{}/projects/", "projects.list", ListProjects},
          {"GET", "/api/v1/orgs/organizations/{}/projects/{}/", "projects.get", GetProject},
          {"PATCH", "/api/v1/orgs/organizations/{}/projects/{}/", "projects.update", UpdateProject}};
}

}  // namespace membridge::mem0_sim
