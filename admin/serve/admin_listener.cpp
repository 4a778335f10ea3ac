#include "admin/serve/admin_listener.hpp"

#include <utility>

#include "admin/access/admin_tokens.hpp"
#include "admin/serve/reception.hpp"
#include "mappings/base/log.hpp"

namespace membridge::admin {
namespace {

api::Api::Options OptionsOf(const Config& config, const api::Throttle::Limits& throttle) {
  api::Api::Options options;
  options.throttle = throttle;
  options.tokens = config.admin_tokens;
  options.trusted_proxies = config.admin_trusted_proxies;
  return options;
}

receiver::http::Limits AdminLimits(const Config& config) {
  receiver::http::Limits limits;
  limits.idle_timeout = config.http.idle;
  limits.max_per_address = config.http.connections_per_address;
  // The listener accepts more than the API, so that the API itself refuses larger bodies and writes the caller to the audit.
  limits.max_body_bytes = 2 * api::Api::Options{}.largest_body;
  limits.max_connections = 1'000;
  return limits;
}

}  // namespace

AdminListener::AdminListener(api::Parts parts, const Clock& clock, api::Throttle::Limits throttle, Serves serves)
    : parts_(std::move(parts)),
      server_(AddressOf(parts_.config.admin_listen), AdminLimits(parts_.config),
              {.handler = [this](receiver::http::Request&& request, const auto& reply) { router_(std::move(request), reply); },
               .head_check = [this](const auto& head) { return router_.CheckHead(head); },
               .is_exempt = [this](const std::string& peer) { return MayHaveManyConnections(parts_.config, peer); }}) {
  if (serves == Serves::kHealth) return;
  api_.emplace(OptionsOf(parts_.config, throttle), parts_.databases.StateDsn(), api::AllHandlers(parts_), clock);
  api_->AddTo(router_);
  mcp_.emplace(*api_);
  mcp_->AddTo(router_);
}

void AdminListener::AddTo(Metrics& metrics) const {
  metrics.Watch(Metrics::Kind::kCounter, "membridge_admin_refusals_total",
                "Requests to the admin listener that were refused before anything saw them, by reason", [this] {
                  std::vector<MetricSample> samples;
                  for (const auto& [reason, count] : receiver::http::RefusalsOf(server_.Counted()))
                    samples.push_back({{{"reason", reason}}, static_cast<double>(count)});
                  return samples;
                });
}

void AdminListener::Start() {
  sync::postgres::Session session{parts_.databases.StateDsn(), "membridge admin"};
  if (api_ && parts_.config.admin_tokens.empty() && !AnyAdminTokenWorks(session)) {
    Log(LogLevel::kWarn, "admin_api_closed",
        {{"reason", "there is no token, so every call is answered 401"},
         {"hint", "membridge tokens create NAME --role admin, or admin.tokens in the configuration"}});
  }
  server_.Start();
}

void AdminListener::Stop(std::chrono::milliseconds within) {
  server_.Stop(within);
  if (api_) api_->Stop();
}

}  // namespace membridge::admin
