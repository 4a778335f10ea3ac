#include "admin/api/origin.hpp"

#include <string>
#include <string_view>

namespace membridge::admin::api {
namespace {

/// Returns `host:port` of an origin. Leaves out the default port of its scheme, as browsers do in `Host`.
std::string_view HostOf(std::string_view origin) {
  for (const auto& [scheme, port] : {std::pair<std::string_view, std::string_view>{"http://", ":80"}, {"https://", ":443"}}) {
    if (!origin.starts_with(scheme)) continue;
    origin.remove_prefix(scheme.size());
    if (origin.ends_with(port)) origin.remove_suffix(port.size());
    return origin;
  }
  return {};
}

std::string_view WithoutUsualPort(std::string_view host) {
  for (const std::string_view port : {":80", ":443"}) {
    if (host.ends_with(port)) return host.substr(0, host.size() - port.size());
  }
  return host;
}

}  // namespace

bool IsCrossSite(const receiver::http::Request& request) {
  if (const auto site = request.Find("Sec-Fetch-Site"); site && *site != "same-origin" && *site != "none") return true;
  const auto origin = request.Find("Origin");
  if (!origin) return false;
  const std::string_view origin_host = HostOf(*origin);
  const auto host = request.Find("Host");
  return origin_host.empty() || !host || !receiver::http::EqualsIgnoringCase(origin_host, WithoutUsualPort(*host));
}

}  // namespace membridge::admin::api
