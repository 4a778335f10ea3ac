#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sync/mem0/api_operations.hpp"

namespace membridge::admin::api {

/// An operation at Mem0 as an operation of the admin API, `/mem0/{project}/NOUN[/ID][/VERB]`. What reads with values that fit
/// a query is a GET.
struct Mem0Route {
  std::string id;      ///< `mem0MemoryDeleteMany`
  std::string method;  ///< `POST`
  std::string path;    ///< below /api/v1
  bool has_body = false;
};
Mem0Route RouteOf(const sync::mem0::ApiOperation& operation);

/// Adds every operation of the table at Mem0 to the API's document, with its own tag.
void AddMem0Paths(nlohmann::ordered_json& document);

}  // namespace membridge::admin::api
