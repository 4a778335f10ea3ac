#pragma once

#include <memory>
#include <string>
#include <vector>

#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// Scheme `ip-allow`: the client's address lies in one of the networks. For requests from `trusted_proxies`, the client is the
/// one in `X-Forwarded-For`; from other peers that header is ignored. kRefused: a network cannot be read, or the list is empty.
Result<std::shared_ptr<const Verifier>> MakeIpAllow(const std::vector<std::string>& networks,
                                                    const std::vector<std::string>& trusted_proxies);

/// Names the header that a TLS-terminating proxy fills after it has verified a client certificate, for example nginx's
/// `proxy_set_header X-Client-Fingerprint $ssl_client_fingerprint`.
struct ClientCertificateOptions {
  std::string header{};
  std::vector<std::string> allowed{};          ///< allowed values; one must match exactly
  std::vector<std::string> trusted_proxies{};  ///< networks; the header is believed from these peers only
};

/// Scheme `client-certificate`. The proxy must overwrite the header in every request. kRefused: the options cannot work; the
/// message says why.
Result<std::shared_ptr<const Verifier>> MakeClientCertificate(ClientCertificateOptions options);

}  // namespace membridge::receiver
