#include "receiver/verify/standard_webhooks.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/signing.hpp"

namespace membridge::receiver {
namespace {

constexpr std::size_t kMaxSignatures = 16;
constexpr std::size_t kMinSecretBytes = 24;
constexpr std::size_t kMaxSecretBytes = 64;
constexpr std::size_t kPublicKeyBytes = 32;

struct SignatureHeaders {
  std::string id;
  std::string timestamp;
  std::string signatures;
};

/// Takes all three headers from one family. Otherwise a sender could choose among mixed headers.
std::optional<SignatureHeaders> FindHeaders(const http::Request& request) {
  for (const std::string family : {"webhook-", "svix-"}) {
    auto id = OnlyHeader(request, family + "id");
    auto timestamp = OnlyHeader(request, family + "timestamp");
    auto signatures = OnlyHeader(request, family + "signature");
    if (id && timestamp && signatures) return SignatureHeaders{std::move(*id), std::move(*timestamp), std::move(*signatures)};
  }
  return std::nullopt;
}

class StandardWebhooks final : public Verifier {
 public:
  StandardWebhooks(std::vector<std::string> secrets, std::vector<std::string> public_keys, std::chrono::seconds tolerance)
      : secrets_(std::move(secrets)), public_keys_(std::move(public_keys)), tolerance_(tolerance) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    const Result<Claimed> claimed = ReadHeaders(attempt);
    if (!claimed) return tl::unexpected<Error>(claimed.error());
    const SignatureHeaders& headers = claimed->headers;
    const std::string signed_bytes = headers.id + "." + headers.timestamp + "." + attempt.request.body;
    if (!AnyMatches(headers.signatures, signed_bytes)) return Fail(ErrorCode::kUnauthorized, "standard-webhooks: signature");
    // The replay key has the body and not the time. A sender's own retry has a new time, and a sender that uses one id for
    // everything still gets all its bodies through.
    return Admission{
        .once = sync::ReplayMark{ReplayKey({attempt.project.Text(), "standard-webhooks", headers.id, attempt.request.body}),
                                 claimed->sent_at + tolerance_ + kReplaySlack}};
  }

  Result<Standing> VerifyHead(const Attempt& attempt) const override {
    const Result<Claimed> claimed = ReadHeaders(attempt);
    if (!claimed) return tl::unexpected<Error>(claimed.error());
    return Standing::kOpen;
  }

 private:
  /// The claims of the headers. They are not proven before the signature is checked.
  struct Claimed {
    SignatureHeaders headers;
    Instant sent_at;
  };

  Result<Claimed> ReadHeaders(const Attempt& attempt) const {
    auto headers = FindHeaders(attempt.request);
    if (!headers) return Fail(ErrorCode::kUnauthorized, "standard-webhooks: headers");
    // With a dot in the id, its end could be read as a timestamp.
    if (headers->id.empty() || headers->id.find('.') != std::string::npos) {
      return Fail(ErrorCode::kUnauthorized, "standard-webhooks: id");
    }
    const auto sent_at = ReadUnixSeconds(headers->timestamp);
    if (!sent_at || !IsRecent(*sent_at, attempt.now, tolerance_))
      return Fail(ErrorCode::kUnauthorized, "standard-webhooks: timestamp");
    return Claimed{std::move(*headers), *sent_at};
  }

  bool AnyMatches(std::string_view list, std::string_view signed_bytes) const {
    std::vector<std::string> expected;
    for (const std::string& secret : secrets_)
      expected.push_back(EncodeBase64(Hmac(HashAlgorithm::kSha256, secret, signed_bytes)));
    bool matches = false;
    for (std::size_t looked_at = 0; !list.empty() && looked_at < kMaxSignatures; ++looked_at) {
      const std::string_view item = list.substr(0, list.find(' '));
      list.remove_prefix(std::min(list.size(), item.size() + 1));
      if (item.starts_with("v1,")) {
        for (const std::string& each : expected) matches = EqualsInConstantTime(item.substr(3), each) || matches;
      } else if (item.starts_with("v1a,")) {
        const auto signature = DecodeBase64(item.substr(4));
        for (const std::string& key : public_keys_)
          matches = (signature && VerifyEd25519(key, *signature, signed_bytes)) || matches;
      }
    }
    return matches;
  }

  const std::vector<std::string> secrets_;
  const std::vector<std::string> public_keys_;
  const std::chrono::seconds tolerance_;
};

}  // namespace

Result<std::shared_ptr<const Verifier>> MakeStandardWebhooks(const std::vector<std::string>& secrets,
                                                             std::chrono::seconds tolerance) {
  std::vector<std::string> symmetric;
  std::vector<std::string> public_keys;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    std::string_view text = secrets[i];
    const std::string place = fmt::format("standard-webhooks: secret {}", i + 1);
    if (text.starts_with("whsk_")) return Fail(ErrorCode::kRefused, place + " is a private key", "give its public half, whpk_…");
    const bool is_public = text.starts_with("whpk_");
    if (is_public || text.starts_with("whsec_")) text.remove_prefix(text.find('_') + 1);
    const auto bytes = DecodeBase64(text);
    if (!bytes) return Fail(ErrorCode::kRefused, place + " is not base64", "copy it whole, with its padding");
    if (is_public && bytes->size() != kPublicKeyBytes) return Fail(ErrorCode::kRefused, place + " is not an Ed25519 public key");
    if (!is_public && (bytes->size() < kMinSecretBytes || bytes->size() > kMaxSecretBytes)) {
      return Fail(ErrorCode::kRefused, place + " has not between 24 and 64 bytes", "copy it whole");
    }
    (is_public ? public_keys : symmetric).push_back(*bytes);
  }
  if (secrets.empty()) return Fail(ErrorCode::kRefused, "standard-webhooks: there is no secret");
  return std::make_shared<const StandardWebhooks>(std::move(symmetric), std::move(public_keys), tolerance);
}

}  // namespace membridge::receiver
