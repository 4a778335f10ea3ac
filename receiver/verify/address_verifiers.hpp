#pragma once

#include <memory>
#include <string>
#include <vector>

#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

/// Scheme `ip-allow`: the client's address lies in one of the networks. Behind `trusted_proxies` the client is the one they name
/// in `X-Forwarded-For`; from anybody else that header means nothing. kRefused: a network cannot be read, or there is none.
Result<std::shared_ptr<const Verifier>> MakeIpAllow(const std::vector<std::string>& networks,
                                                    const std::vector<std::string>& trusted_proxies);

/// Which header a TLS-terminating proxy fills after it verified a client certificate, for example nginx's
/// `proxy_set_header X-Client-Fingerprint $ssl_client_fingerprint`.
struct ClientCertificateOptions {
  std::string header{};
  std::vector<std::string> allowed{};          ///< values, exactly; any may match
  std::vector<std::string> trusted_proxies{};  ///< networks; the header is believed from these peers only
};

/// Scheme `client-certificate`. The proxy has to overwrite the header in every request. kRefused: the options cannot work.
Result<std::shared_ptr<const Verifier>> MakeClientCertificate(ClientCertificateOptions options);

}  // namespace membridge::receiver
