#pragma once

#include <nlohmann/json.hpp>

#include "sync/mem0/api_operations.hpp"

namespace membridge::admin {

/// Returns what the audit keeps of an operation at Mem0: ids as they are, users and other owners by a hash (as erasures do), and
/// of all other arguments only their names.
nlohmann::json AuditedArguments(const sync::mem0::ApiOperation& operation, const nlohmann::json& arguments);

}  // namespace membridge::admin
