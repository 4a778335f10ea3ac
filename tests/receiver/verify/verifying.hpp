#pragma once

// What the tests of verification share: requests, the published vectors, and a verifier's answer.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/signing.hpp"
#include "receiver/verify/verifier.hpp"
#include "tests/support/catch.hpp"

namespace membridge::test {

using receiver::HashAlgorithm;
using receiver::Hmac;
using Headers = std::vector<receiver::http::Header>;

inline receiver::http::Request Made(Headers headers, std::string body = "", std::string peer = "192.0.2.1") {
  receiver::http::Request request;
  request.headers = std::move(headers);
  request.body = std::move(body);
  request.peer_address = std::move(peer);
  return request;
}

inline Result<receiver::Admission> Asked(const Result<std::shared_ptr<const receiver::Verifier>>& verifier,
                                         const receiver::http::Request& request, Instant now,
                                         const std::string& project_name = "crm", const std::string& token = "") {
  REQUIRE(verifier);
  const ProjectId project{project_name};
  auto admission = (*verifier)->Verify({.request = request, .project = project, .url_token = token, .now = now});
  if (!admission) CHECK(admission.error().code == ErrorCode::kUnauthorized);
  return admission;
}

inline bool Passes(const Result<std::shared_ptr<const receiver::Verifier>>& verifier, const receiver::http::Request& request,
                   std::int64_t now_seconds = 0) {
  return Asked(verifier, request, Instant{std::chrono::seconds{now_seconds}}).has_value();
}

// standard-webhooks, libraries/*/tests; svix
inline const std::string kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
inline const std::string kId = "msg_p5jXN8AQM9LWM0D4loKWxJek";
inline constexpr std::int64_t kTime = 1614265330;
inline const std::string kBody = R"({"test": 2432232314})";
inline const std::string kSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
// svix, rust
inline const std::string kSecret2 = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
inline const std::string kId2 = "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk";
inline constexpr std::int64_t kTime2 = 1649367553;
inline const std::string kBody2 = R"({"email":"test@example.com","username":"test_user"})";
inline const std::string kSignature2 = "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=";
// svix, server
inline const std::string kPublicKey = "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=";
inline const std::string kSignatureA =
    "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";

inline receiver::http::Request Standard(const std::string& signatures, const std::string& timestamp = std::to_string(kTime),
                                        const std::string& id = kId, const std::string& body = kBody) {
  return Made({{"webhook-id", id}, {"webhook-timestamp", timestamp}, {"webhook-signature", signatures}}, body);
}

inline std::string SignedWith(const std::string& secret_bytes, const std::string& id, const std::string& timestamp,
                              const std::string& body) {
  return "v1," + EncodeBase64(Hmac(HashAlgorithm::kSha256, secret_bytes, id + "." + timestamp + "." + body));
}

}  // namespace membridge::test
