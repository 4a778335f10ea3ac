#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"
#include "receiver/http/message.hpp"

namespace membridge::receiver {

/// An IP address; IPv4 is kept as IPv4-mapped IPv6, so that one client has one address however it came.
using IpAddress = std::array<unsigned char, 16>;

/// "192.0.2.7", "2001:db8::7" or "::ffff:192.0.2.7"; no port, no brackets, no zone.
std::optional<IpAddress> ReadIpAddress(const std::string& text);

/// As a person writes it: "192.0.2.7", "2001:db8::7".
std::string TextOf(const IpAddress& address);

/// Networks in CIDR form; an address alone is a network of one.
class Networks {
 public:
  Networks() = default;
  /// kRefused names the first text that is no network, or has bits set beyond its prefix.
  static Result<Networks> Read(const std::vector<std::string>& texts);

  bool Contains(const IpAddress& address) const;
  bool empty() const { return networks_.empty(); }

 private:
  struct Network {
    IpAddress first;
    unsigned prefix_bits;
  };
  std::vector<Network> networks_;
};

/// Whose request it is. Behind trusted proxies: the last address of `X-Forwarded-For` that is not a trusted proxy's, since all
/// before it may be invented. Nothing when that cannot be told.
std::optional<IpAddress> ClientAddress(const http::Request& request, const Networks& trusted_proxies);

}  // namespace membridge::receiver
