#pragma once

#include <nlohmann/json.hpp>

#include "admin/api/api.hpp"
#include "admin/mcp/tools.hpp"
#include "receiver/http/router.hpp"

namespace membridge::admin::mcp {

/// `POST /mcp`: the Model Context Protocol over streamable HTTP, without sessions and streams. Each request is one JSON-RPC
/// message and gets one JSON answer. A tool call becomes a request to the API with the caller's own headers and address, so the
/// API's tokens, roles, limits, checks and audit apply. Threads: any.
class Endpoint {
 public:
  /// `api` outlives it and all calls under way.
  explicit Endpoint(api::Api& api) : api_(api), tools_(api.GetDocument()) {}

  /// Adds /mcp to a router. The endpoint outlives the router.
  void AddTo(receiver::http::Router& router);

 private:
  void Receive(receiver::http::Request&& request, const receiver::http::Reply& reply);
  /// Does a tool call that is in order, and returns false for every other message.
  bool CallToolAtOnce(const receiver::http::Request& request, const receiver::http::Reply& reply);
  /// Sends a tool's request to the API on behalf of the sender of `outer`, and its answer as the tool's result.
  void Forward(const receiver::http::Request& outer, const nlohmann::json& id, receiver::http::Request call,
               const receiver::http::Reply& reply);
  void Serve(const receiver::http::Request& request, const nlohmann::json& message, Role role,
             const receiver::http::Reply& reply);
  void CallTool(const receiver::http::Request& request, const nlohmann::json& message, const receiver::http::Reply& reply);

  api::Api& api_;
  const Tools tools_;
};

}  // namespace membridge::admin::mcp
