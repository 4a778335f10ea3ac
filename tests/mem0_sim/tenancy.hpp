#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tests/mem0_sim/calendar.hpp"
#include "tests/mem0_sim/dice.hpp"

namespace membridge::mem0_sim {

/// Somebody who may see an organization or a project.
struct Member {
  std::string email;
  std::string role;
};

/// A project or an organization, as an account sees it.
struct Tenant {
  std::string id;
  std::string parent;  ///< the organization of a project
  Instant created_at;
  Instant updated_at;
  nlohmann::json fields = nlohmann::json::object();  ///< `name`, `description`, `custom_categories`, …
  std::vector<Member> members{};
  bool is_default = false;
};

/// The organizations and projects of one account. For one thread.
class Tenancy {
 public:
  Tenancy(SimClock& clock, Dice& dice) : clock_(clock), dice_(dice) {}

  Tenant& Add(const std::string& id, const std::string& parent, nlohmann::json fields, const std::string& owner);
  /// The same under an id of its own.
  Tenant& AddNew(const std::string& parent, nlohmann::json fields, const std::string& owner);
  /// nullptr: there is none.
  Tenant* FindOrganization(const std::string& id);
  Tenant* FindProject(const std::string& organization, const std::string& id);
  std::vector<const Tenant*> Organizations() const;
  std::vector<const Tenant*> ProjectsOf(const std::string& organization) const;
  void Change(Tenant& tenant, const nlohmann::json& fields);
  /// Projects go with their organization.
  void Remove(const std::string& id);

 private:
  SimClock& clock_;
  Dice& dice_;
  std::deque<Tenant> tenants_;
};

/// As Mem0 shows one; `id_name` is `org_id` or `project_id`.
nlohmann::json ObjectOf(const Tenant& tenant, const char* id_name);

/// Mem0's own categories, used where a project has none.
const std::vector<std::string>& DefaultCategories();

}  // namespace membridge::mem0_sim
