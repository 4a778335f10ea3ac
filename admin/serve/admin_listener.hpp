#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "admin/api/api.hpp"
#include "admin/api/context.hpp"
#include "admin/mcp/endpoint.hpp"
#include "admin/runtime/metrics.hpp"
#include "mappings/base/time.hpp"
#include "receiver/http/router.hpp"
#include "receiver/http/server.hpp"

namespace membridge::admin {

/// The operator's listener: the API under /api/v1, and the routes that are added to Routes(). The constructor binds the port; it
/// throws std::runtime_error when it cannot.
class AdminListener {
 public:
  enum class Serves { kEverything, kHealth };  ///< kHealth: no API, only the routes added to Routes()

  /// `clock` and everything that `parts` refers to outlive it.
  AdminListener(api::Parts parts, const Clock& clock, api::Throttle::Limits throttle = {}, Serves serves = Serves::kEverything);

  /// The router of this listener, for more routes. Add them before Start().
  receiver::http::Router& Routes() { return router_; }
  std::uint16_t port() const { return server_.port(); }
  /// Exports membridge_admin_refusals_total: requests that reached no route and so have no entry in the audit.
  void AddTo(Metrics& metrics) const;
  /// Logs when there is no valid token yet, then begins to take requests.
  void Start();
  /// Answers the calls under way within that time. No call runs any more when this returns.
  void Stop(std::chrono::milliseconds within);

 private:
  const api::Parts parts_;
  std::optional<api::Api> api_;
  std::optional<mcp::Endpoint> mcp_;
  receiver::http::Router router_;
  receiver::http::Server server_;
};

}  // namespace membridge::admin
