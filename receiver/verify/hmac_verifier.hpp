#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "receiver/verify/signing.hpp"
#include "receiver/verify/verifier.hpp"

namespace membridge::receiver {

enum class MacEncoding { kHex, kBase64 };

/// How a sender signs. GitHub: {"X-Hub-Signature-256", kSha256, kHex, "sha256="}. Slack: {"X-Slack-Signature", kSha256, kHex,
/// "v0="} with signed_text "v0:{timestamp}:{body}" and timestamp_header "X-Slack-Request-Timestamp".
struct HmacOptions {
  std::string header{};  ///< the header with the signature
  HashAlgorithm algorithm = HashAlgorithm::kSha256;
  MacEncoding encoding = MacEncoding::kHex;  ///< hex in either case; base64 strictly
  std::string prefix{};                      ///< the exact text before the signature
  std::vector<std::string> secrets{};        ///< used as they are; one must match
  std::string signed_text = "{body}";        ///< `{body}`, `{timestamp}` and `{id}` stand for what was received, byte for byte
  std::string timestamp_header{};            ///< seconds since 1970; empty: the sender gives no time
  std::string id_header{};                   ///< the sender's id of the delivery, without dots and blanks; empty: it gives none
  std::chrono::seconds tolerance = std::chrono::minutes{5};
};

/// Scheme `hmac`. kRefused: the options cannot work; the message says why.
///
/// A request signed with a time is accepted only once. With an id, the same id with the same body is a replay. Without an id, the
/// same time with the same body is a replay, unless it arrives within the second of that time: until then, the sender may report
/// another change with the same content.
Result<std::shared_ptr<const Verifier>> MakeHmacVerifier(HmacOptions options);

}  // namespace membridge::receiver
