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

/// The operator's listener: the API under /api/v1, and whatever is added to Routes(). Binds when it is made; throws
/// std::runtime_error when it cannot.
class AdminListener {
 public:
  enum class Serves { kEverything, kHealth };  ///< kHealth: no API, only what is added to Routes()

  /// `clock`, and what `parts` refers to, outlive it.
  AdminListener(api::Parts parts, const Clock& clock, api::Throttle::Limits throttle = {}, Serves serves = Serves::kEverything);

  /// Before Start(): for more routes on the same listener.
  receiver::http::Router& Routes() { return router_; }
  std::uint16_t port() const { return server_.port(); }
  /// membridge_admin_refusals_total: requests that came to no route, so that the audit has nothing of them.
  void AddTo(Metrics& metrics) const;
  /// Tells the log when nobody can sign in yet, then takes requests.
  void Start();
  /// Calls under way are answered within that time, and are over when this returns.
  void Stop(std::chrono::milliseconds within);

 private:
  const api::Parts parts_;
  std::optional<api::Api> api_;
  std::optional<mcp::Endpoint> mcp_;
  receiver::http::Router router_;
  receiver::http::Server server_;
};

}  // namespace membridge::admin
