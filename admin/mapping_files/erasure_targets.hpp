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

/// Returns every database that may hold data of a project's users, each once, with its mappings. A mapping file that cannot be
/// read is left out; what it wrote is withdrawn all the same.
std::vector<sync::ErasureTarget> ErasureTargetsOf(const Config& config, const Databases& databases, const ProjectId& project);

/// Deletes a user at Mem0 and waits until Mem0 has finished, for at most five minutes; of a self-hosted one, deletes the user's
/// rows. Returns `deleted`, `was not there`, or `under way` when Mem0 gives no way to ask for progress. kUnavailable: try again;
/// nothing was changed here.
Result<std::string> DeleteUserAtMem0(const ProjectConfig& project, sync::postgres::Session& state, const std::string& user,
                                     const std::function<void(std::chrono::milliseconds)>& wait);

/// `{"erasure", "project", "user_hash", "begun_at", "finished_at", "at_mem0", "erased": {…}, "complete"}`: it contains no names.
nlohmann::ordered_json ReceiptJson(const sync::ErasureReceipt& receipt, const ProjectId& project, const std::string& at_mem0);

}  // namespace membridge::admin
