#include "tests/mem0_sim/tenancy.hpp"

#include <algorithm>
#include <utility>

namespace membridge::mem0_sim {

using Json = nlohmann::json;

Tenant& Tenancy::Add(const std::string& id, const std::string& parent, Json fields, const std::string& owner) {
  const Instant now = clock_.Now();
  Tenant tenant{id, parent, now, now, std::move(fields), {{owner, "OWNER"}}, false};
  tenant.is_default = tenants_.size() < 2;  // the account's first organization and its first project
  return tenants_.emplace_back(std::move(tenant));
}

Tenant& Tenancy::AddNew(const std::string& parent, Json fields, const std::string& owner) {
  return Add((parent.empty() ? "org_" : "proj_") + dice_.NewUuid().Text(), parent, std::move(fields), owner);
}

Tenant* Tenancy::FindOrganization(const std::string& id) {
  return FindProject("", id);
}

Tenant* Tenancy::FindProject(const std::string& organization, const std::string& id) {
  const auto found = std::find_if(tenants_.begin(), tenants_.end(),
                                  [&](const Tenant& each) { return each.id == id && each.parent == organization; });
  return found == tenants_.end() ? nullptr : &*found;
}

std::vector<const Tenant*> Tenancy::Organizations() const {
  return ProjectsOf("");
}

std::vector<const Tenant*> Tenancy::ProjectsOf(const std::string& organization) const {
  std::vector<const Tenant*> found;
  for (const Tenant& each : tenants_) {
    if (each.parent == organization) found.push_back(&each);
  }
  return found;
}

void Tenancy::Change(Tenant& tenant, const Json& fields) {
  tenant.fields.update(fields);
  tenant.updated_at = clock_.Now();
}

void Tenancy::Remove(const std::string& id) {
  tenants_.erase(
      std::remove_if(tenants_.begin(), tenants_.end(), [&](const Tenant& each) { return each.id == id || each.parent == id; }),
      tenants_.end());
}

Json ObjectOf(const Tenant& tenant, const char* id_name) {
  Json members = Json::array();
  for (const Member& member : tenant.members)
    members.push_back(
        {{"username", member.email.substr(0, member.email.find('@'))}, {"role", member.role}, {"email", member.email}});
  Json object{{id_name, tenant.id},
              {"created_at", FormatAsMem0(tenant.created_at, Zone::kPacific)},
              {"updated_at", FormatAsMem0(tenant.updated_at, Zone::kPacific)},
              {"members", std::move(members)},
              {"is_default", tenant.is_default}};
  object.update(tenant.fields);
  return object;
}

const std::vector<std::string>& DefaultCategories() {
  static const std::vector<std::string> kCategories{"personal_details",
                                                    "family",
                                                    "professional_details",
                                                    "sports",
                                                    "travel",
                                                    "food",
                                                    "music",
                                                    "health",
                                                    "technology",
                                                    "hobbies",
                                                    "fashion",
                                                    "entertainment",
                                                    "milestones",
                                                    "user_preferences",
                                                    "misc"};
  return kCategories;
}

}  // namespace membridge::mem0_sim
