#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "admin/config/config.hpp"
#include "admin/runtime/databases.hpp"
#include "sync/erase/erasure.hpp"

namespace membridge::admin {

/// Every database that may hold something of a project's users, once each, with the mappings in force there. A mapping file that
/// cannot be read is left out: what it wrote is withdrawn all the same.
std::vector<sync::ErasureTarget> ErasureTargetsOf(const Config& config, const Databases& databases, const ProjectId& project);

/// Deletes a user at Mem0 and waits until Mem0 says it is done, for at most five minutes. `deleted`, `was not there`, or `under
/// way` when Mem0 gives nothing to ask for. kUnavailable: try again; nothing here was touched.
Result<std::string> DeleteUserAtMem0(const ProjectConfig& project, sync::postgres::Session& state, const std::string& user,
                                     const std::function<void(std::chrono::milliseconds)>& wait);

/// `{"erasure", "project", "user_hash", "begun_at", "finished_at", "at_mem0", "erased": {…}, "complete"}`: names nobody.
nlohmann::ordered_json ReceiptJson(const sync::ErasureReceipt& receipt, const ProjectId& project, const std::string& at_mem0);

}  // namespace membridge::admin
