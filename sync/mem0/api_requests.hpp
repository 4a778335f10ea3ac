#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "sync/mem0/api_operations.hpp"
#include "sync/mem0/client.hpp"

namespace membridge::sync::mem0 {

/// The word that stands for the project or the organization of the API key itself.
inline constexpr std::string_view kOwn = "current";

/// Why arguments were refused, by parameter. The messages hold no values.
using ArgumentProblems = std::map<std::string, std::string>;
/// Compares arguments, a JSON object by parameter, with the operation: unknown and missing ones, types, choices and sizes.
ArgumentProblems ProblemsWith(const ApiOperation& operation, const nlohmann::json& arguments);

/// A request to Mem0.
struct ApiRequest {
  std::string path;               ///< with its query
  nlohmann::json body = nullptr;  ///< null: none
};
/// Makes the request for arguments without problems. `own` is the account of the API key; it replaces `current` and absent ids.
ApiRequest RequestFor(const ApiOperation& operation, const nlohmann::json& arguments, const Account& own);
/// Whether the request depends on the account of the API key.
bool NeedsAccount(const ApiOperation& operation, const nlohmann::json& arguments);

/// Returns Mem0's filter for the owners that the arguments name and for `filters`; every memory of the project when they name
/// none.
nlohmann::json FilterOf(const ApiOperation& operation, const nlohmann::json& arguments);

/// Returns the names by which the operation's memories, events, exports, … are found again: the arguments that are ids. Names of
/// people are left out.
nlohmann::json IdsIn(const ApiOperation& operation, const nlohmann::json& arguments);
/// Returns the memories that a changing operation is about.
std::vector<MemoryId> MemoriesIn(const ApiOperation& operation, const nlohmann::json& arguments);

/// Returns Mem0's messages under our names of the parameters. A message about no field goes to the parameter that it names.
ArgumentProblems ByParameter(const ApiOperation& operation, const nlohmann::json& arguments, const Failure& failure,
                             const std::string& message);

}  // namespace membridge::sync::mem0
