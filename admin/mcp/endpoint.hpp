#pragma once

#include <nlohmann/json.hpp>

#include "admin/api/api.hpp"
#include "admin/mcp/tools.hpp"
#include "receiver/http/router.hpp"

namespace membridge::admin::mcp {

/// `POST /mcp`: the Model Context Protocol over streamable HTTP, without sessions and without streams: one JSON-RPC message in,
/// one JSON answer out. A tool call is the API's request with the caller's own headers and address, so that token, role, limits,
/// checks and audit are the API's. Threads: any.
class Endpoint {
 public:
  /// `api` outlives it and all calls under way.
  explicit Endpoint(api::Api& api) : api_(api), tools_(api.GetDocument()) {}

  /// Adds /mcp to a router that it outlives.
  void AddTo(receiver::http::Router& router);

 private:
  void Receive(receiver::http::Request&& request, const receiver::http::Reply& reply);
  void Serve(const receiver::http::Request& request, const nlohmann::json& message, Role role,
             const receiver::http::Reply& reply);
  void CallTool(const receiver::http::Request& request, const nlohmann::json& message, const receiver::http::Reply& reply);

  api::Api& api_;
  const Tools tools_;
};

}  // namespace membridge::admin::mcp
