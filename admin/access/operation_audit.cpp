#include "admin/access/operation_audit.hpp"

#include <string>

#include "sync/backfill/export_user.hpp"
#include "sync/mem0/api_requests.hpp"

namespace membridge::admin {

nlohmann::json AuditedArguments(const sync::mem0::ApiOperation& operation, const nlohmann::json& arguments) {
  nlohmann::json audited = sync::mem0::IdsIn(operation, arguments);
  for (const auto& [name, value] : arguments.items()) {
    const bool is_owner = name == "user_id" || name == "agent_id" || name == "app_id" || name == "run_id" || name == "entity_id";
    if (is_owner && value.is_string()) {
      audited[name + "_hash"] = sync::HashOfUser(value.get<std::string>());
    } else if (!audited.contains(name) && name != "memories") {
      audited["given"].push_back(name);
    }
  }
  return audited;
}

}  // namespace membridge::admin
