#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mappings/base/result.hpp"
#include "receiver/http/message.hpp"

namespace membridge::receiver {

/// An IP address. IPv4 is stored as IPv4-mapped IPv6, so that a client has one address whichever socket it used.
using IpAddress = std::array<unsigned char, 16>;

/// Reads "192.0.2.7", "2001:db8::7" or "::ffff:192.0.2.7", without port, brackets or zone. Returns nothing for any other text.
std::optional<IpAddress> ReadIpAddress(const std::string& text);

/// Returns the usual text of an address: "192.0.2.7", "2001:db8::7".
std::string TextOf(const IpAddress& address);

/// A set of networks in CIDR form; an address alone is a network with one address. Immutable after Read().
class Networks {
 public:
  Networks() = default;
  /// kRefused: a text is not a network, or has bits set beyond its prefix. The message names the first one.
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

/// Returns the address of the client that made the request. For a request from a trusted proxy this is the last address in
/// `X-Forwarded-For` that is not a trusted proxy; the addresses before it may be invented. Nothing when it cannot be determined.
std::optional<IpAddress> ClientAddress(const http::Request& request, const Networks& trusted_proxies);

}  // namespace membridge::receiver
