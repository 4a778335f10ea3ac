#include <algorithm>
#include <string_view>

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

Answer NotFound() {
  return WithStatus(404, {{"message", "Organization or project not found"}});
}

/// The fields of a project that a client may set, and what Mem0 says of each that is of a wrong type.
Json ProblemsWithProject(const Json& body) {
  Json errors = Json::object();
  for (const char* field : {"name", "description", "custom_instructions", "agent_custom_instructions", "memory_depth"}) {
    const bool may_be_list = std::string_view{field} == "custom_instructions";
    if (!body.contains(field) || body[field].is_string() || body[field].is_null() || (may_be_list && body[field].is_array()))
      continue;
    errors[field] = Json::array({"Not a valid string."});
  }
  if (body.contains("name") && body["name"] == "") errors["name"] = Json::array({"This field may not be blank."});
  for (const char* field : {"multilingual", "decay", "enable_graph"}) {
    if (body.contains(field) && !body[field].is_boolean()) errors[field] = Json::array({"Must be a valid boolean."});
  }
  const Json categories = body.value("custom_categories", Json());
  const bool wrong = std::any_of(categories.begin(), categories.end(), [](const Json& each) { return !each.is_object(); });
  if (!categories.is_null() && (!categories.is_array() || wrong))
    errors["custom_categories"] = Json::array({"Expected a list of dictionaries."});
  return errors;
}

Json FieldsIn(const Json& body) {
  Json fields = Json::object();
  for (const char* field : {"name", "description", "custom_instructions", "agent_custom_instructions", "custom_categories",
                            "multilingual", "memory_depth", "decay", "enable_graph", "version"}) {
    if (body.contains(field)) fields[field] = body[field];
  }
  return fields;
}

Answer ListOrganizations(Project& project, const Call&) {
  Json listed = Json::array();
  for (const Tenant* each : project.tenancy.Organizations()) listed.push_back(ObjectOf(*each, "org_id"));
  return Ok(listed);
}

Answer CreateOrganization(Project& project, const Call& call) {
  const auto name = call.Text("name");
  if (!name) return WithStatus(400, {{"errors", {{"name", Json::array({"This field is required."})}}}});
  const Tenant& made = project.tenancy.AddNew("", {{"name", *name}}, project.account.user_email);
  return WithStatus(201, {{"message", "Organization created successfully."}, {"org_id", made.id}});
}

Answer GetOrganization(Project& project, const Call& call) {
  const Tenant* found = project.tenancy.FindOrganization(call.parts[0]);
  return found == nullptr ? NotFound() : Ok(ObjectOf(*found, "org_id"));
}

Answer DeleteOrganization(Project& project, const Call& call) {
  const Tenant* found = project.tenancy.FindOrganization(call.parts[0]);
  if (found == nullptr) return NotFound();
  if (found->is_default) return WithStatus(403, {{"message", "The default organization cannot be deleted"}});
  project.tenancy.Remove(call.parts[0]);
  return Ok({{"message", "Organization deleted successfully!"}});
}

Answer ListProjects(Project& project, const Call& call) {
  if (project.tenancy.FindOrganization(call.parts[0]) == nullptr) return NotFound();
  Json listed = Json::array();
  for (const Tenant* each : project.tenancy.ProjectsOf(call.parts[0])) listed.push_back(ObjectOf(*each, "project_id"));
  return Ok(listed);
}

Answer CreateProject(Project& project, const Call& call) {
  if (project.tenancy.FindOrganization(call.parts[0]) == nullptr) return NotFound();
  const auto name = call.Text("name");
  if (!name) return WithStatus(400, {{"message", "name is required"}});
  const Tenant& made = project.tenancy.AddNew(call.parts[0], FieldsIn(call.body), project.account.user_email);
  return Ok({{"message", "Project created successfully."}, {"project_id", made.id}});
}

Answer GetProject(Project& project, const Call& call) {
  const Tenant* found = project.tenancy.FindProject(call.parts[0], call.parts[1]);
  return found == nullptr ? NotFound() : Ok(ObjectOf(*found, "project_id"));
}

Answer UpdateProject(Project& project, const Call& call) {
  Tenant* found = project.tenancy.FindProject(call.parts[0], call.parts[1]);
  if (found == nullptr) return NotFound();
  if (const Json errors = ProblemsWithProject(call.body); !errors.empty()) return WithStatus(400, errors);
  project.tenancy.Change(*found, FieldsIn(call.body));
  return Ok({{"message", "Project updated successfully"}});
}

/// The memories of the key's own project go with it.
Answer DeleteProject(Project& project, const Call& call) {
  if (project.tenancy.FindProject(call.parts[0], call.parts[1]) == nullptr) return NotFound();
  project.tenancy.Remove(call.parts[1]);
  if (call.parts[1] == project.account.project_id) {
    for (Slot slot = 0; slot < project.store.Slots(); ++slot)
      project.DeleteMemory(project.store.Ever(slot).id, project.settings.bulk_deletes_announced);
  }
  return Ok({{"message", "Project deleted successfully"}});
}

Tenant* TenantOf(Project& project, const Call& call) {
  return call.parts.size() > 1 ? project.tenancy.FindProject(call.parts[0], call.parts[1])
                               : project.tenancy.FindOrganization(call.parts[0]);
}

/// What Mem0 says of a member's fields. Organizations and projects say it in different shapes.
Answer WrongMember(const Call& call, const char* field, const char* words) {
  if (call.parts.size() > 1) return WithStatus(400, {{"message", std::string{field} + ": " + words}});
  return WithStatus(400, {{"errors", {{field, Json::array({words})}}}});
}

Answer ListMembers(Project& project, const Call& call) {
  const Tenant* tenant = TenantOf(project, call);
  if (tenant == nullptr) return NotFound();
  return Ok({{"members", ObjectOf(*tenant, "id")["members"]}});
}

std::vector<Member>::iterator FindMember(Tenant& tenant, const std::string& email) {
  return std::find_if(tenant.members.begin(), tenant.members.end(), [&](const Member& each) { return each.email == email; });
}

Answer SetMember(Project& project, const Call& call, bool is_new) {
  Tenant* tenant = TenantOf(project, call);
  if (tenant == nullptr) return NotFound();
  const auto email = call.Text("email");
  const auto role = call.Text("role");
  if (!email || email->find('@') == std::string::npos) return WrongMember(call, "email", "Enter a valid email address.");
  if (role != "READER" && role != "OWNER") return WrongMember(call, "role", "is not a valid choice.");
  const auto member = FindMember(*tenant, *email);
  if (is_new == (member != tenant->members.end()))
    return is_new ? WrongMember(call, "email", "This user is a member already.")
                  : WithStatus(404, {{"message", "User not found"}});
  if (!is_new) {
    member->role = *role;
    return Ok({{"message", "Member updated successfully"}});
  }
  tenant->members.push_back({*email, *role});
  return WithStatus(call.parts.size() > 1 ? 200 : 201, {{"message", "User added successfully"}});
}

Answer RemoveMember(Project& project, const Call& call) {
  Tenant* tenant = TenantOf(project, call);
  if (tenant == nullptr) return NotFound();
  // A project takes the address in the query, an organization in the body.
  const auto email = call.parts.size() > 1 ? call.Query("email") : call.Text("email");
  const auto member = FindMember(*tenant, email.value_or(""));
  if (member == tenant->members.end()) return WithStatus(404, {{"message", "User not found"}});
  tenant->members.erase(member);
  return Ok({{"message", "Member removed successfully"}});
}

Answer AddMember(Project& project, const Call& call) {
  return SetMember(project, call, true);
}

Answer ChangeMember(Project& project, const Call& call) {
  return SetMember(project, call, false);
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
          {"POST", "/api/v1/orgs/organizations/", "orgs.create", CreateOrganization},
          {"GET", "/api/v1/orgs/organizations/{}/", "orgs.get", GetOrganization},
          {"DELETE", "/api/v1/orgs/organizations/{}/", "orgs.delete", DeleteOrganization},
          {"GET", "/api/v1/orgs/organizations/{}/members/", "orgs.members", ListMembers},
          {"POST", "/api/v1/orgs/organizations/{}/members/", "orgs.add_member", AddMember},
          {"PUT", "/api/v1/orgs/organizations/{}/members/", "orgs.change_member", ChangeMember},
          {"DELETE", "/api/v1/orgs/organizations/{}/members/", "orgs.remove_member", RemoveMember},
          {"GET", "/api/v1/orgs/organizations/{}/projects/", "projects.list", ListProjects},
          {"POST", "/api/v1/orgs/organizations/{}/projects/", "projects.create", CreateProject},
          {"GET", "/api/v1/orgs/organizations/{}/projects/{}/", "projects.get", GetProject},
          {"PATCH", "/api/v1/orgs/organizations/{}/projects/{}/", "projects.update", UpdateProject},
          {"DELETE", "/api/v1/orgs/organizations/{}/projects/{}/", "projects.delete", DeleteProject},
          {"GET", "/api/v1/orgs/organizations/{}/projects/{}/members/", "projects.members", ListMembers},
          {"POST", "/api/v1/orgs/organizations/{}/projects/{}/members/", "projects.add_member", AddMember},
          {"PUT", "/api/v1/orgs/organizations/{}/projects/{}/members/", "projects.change_member", ChangeMember},
          {"DELETE", "/api/v1/orgs/organizations/{}/projects/{}/members/", "projects.remove_member", RemoveMember}};
}

}  // namespace membridge::mem0_sim
