#include "receiver/verify/address_verifiers.hpp"

#include <algorithm>
#include <utility>

#include "receiver/verify/network.hpp"
#include "receiver/verify/signing.hpp"

namespace membridge::receiver {
namespace {

class IpAllow final : public Verifier {
 public:
  IpAllow(Networks allowed, Networks proxies) : allowed_(std::move(allowed)), proxies_(std::move(proxies)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    const auto client = ClientAddress(attempt.request, proxies_);
    if (!client || !allowed_.Contains(*client)) return Fail(ErrorCode::kUnauthorized, "ip-allow");
    return Admission{};
  }

 private:
  const Networks allowed_;
  const Networks proxies_;
};

class ClientCertificate final : public Verifier {
 public:
  ClientCertificate(ClientCertificateOptions options, Networks proxies)
      : header_(std::move(options.header)), allowed_(std::move(options.allowed)), proxies_(std::move(proxies)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    const auto peer = ReadIpAddress(attempt.request.peer_address);
    if (!peer || !proxies_.Contains(*peer)) return Fail(ErrorCode::kUnauthorized, "client-certificate: proxy");
    const auto value = OnlyHeader(attempt.request, header_);
    bool matches = false;
    for (const std::string& each : allowed_) matches = (value && EqualsInConstantTime(each, *value)) || matches;
    if (!matches) return Fail(ErrorCode::kUnauthorized, "client-certificate: value");
    return Admission{};
  }

 private:
  const std::string header_;
  const std::vector<std::string> allowed_;
  const Networks proxies_;
};

}  // namespace

Result<std::shared_ptr<const Verifier>> MakeIpAllow(const std::vector<std::string>& networks,
                                                    const std::vector<std::string>& trusted_proxies) {
  const Result<Networks> allowed = Networks::Read(networks);
  if (!allowed) return Within(allowed.error(), "ip-allow");
  if (allowed->empty()) return Fail(ErrorCode::kRefused, "ip-allow: there is no network");
  const Result<Networks> proxies = Networks::Read(trusted_proxies);
  if (!proxies) return Within(proxies.error(), "ip-allow: trusted_proxies");
  return std::make_shared<const IpAllow>(*allowed, *proxies);
}

Result<std::shared_ptr<const Verifier>> MakeClientCertificate(ClientCertificateOptions options) {
  const Result<Networks> proxies = Networks::Read(options.trusted_proxies);
  if (!proxies) return Within(proxies.error(), "client-certificate: trusted_proxies");
  if (proxies->empty()) return Fail(ErrorCode::kRefused, "client-certificate: name the trusted_proxies");
  if (options.header.empty()) return Fail(ErrorCode::kRefused, "client-certificate: name the header the proxy fills");
  const auto is_empty = [](const std::string& value) { return value.empty(); };
  if (options.allowed.empty() || std::any_of(options.allowed.begin(), options.allowed.end(), is_empty)) {
    return Fail(ErrorCode::kRefused, "client-certificate: name the allowed values",
                "an empty one would match a missing certificate");
  }
  return std::make_shared<const ClientCertificate>(std::move(options), *proxies);
}

}  // namespace membridge::receiver
