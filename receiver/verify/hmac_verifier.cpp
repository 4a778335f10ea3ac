#include "receiver/verify/hmac_verifier.hpp"

#include <algorithm>
#include <utility>

#include "receiver/verify/base64.hpp"

namespace membridge::receiver {
namespace {

constexpr std::string_view kBody = "{body}";
constexpr std::string_view kTimestamp = "{timestamp}";

class HmacVerifier final : public Verifier {
 public:
  explicit HmacVerifier(HmacOptions options) : options_(std::move(options)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    std::string timestamp;
    if (!options_.timestamp_header.empty()) {
      timestamp = OnlyHeader(attempt.request, options_.timestamp_header).value_or("");
      const auto sent_at = ReadUnixSeconds(timestamp);
      if (!sent_at || !IsRecent(*sent_at, attempt.now, options_.tolerance))
        return Fail(ErrorCode::kUnauthorized, "hmac: timestamp");
    }
    auto signature = OnlyHeader(attempt.request, options_.header);
    if (!signature || !signature->starts_with(options_.prefix)) return Fail(ErrorCode::kUnauthorized, "hmac: header");
    signature->erase(0, options_.prefix.size());
    if (options_.encoding == MacEncoding::kHex) {
      for (char& c : *signature) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const std::string signed_bytes = SignedBytes(timestamp, attempt.request.body);
    bool matches = false;
    for (const std::string& secret : options_.secrets) {
      const std::string mac = Hmac(options_.algorithm, secret, signed_bytes);
      const std::string expected = options_.encoding == MacEncoding::kHex ? EncodeHex(mac) : EncodeBase64(mac);
      matches = EqualsInConstantTime(*signature, expected) || matches;
    }
    if (!matches) return Fail(ErrorCode::kUnauthorized, "hmac: signature");
    return Admission{};
  }

 private:
  /// Fills in the pattern in one pass: what was received is never searched for placeholders.
  std::string SignedBytes(std::string_view timestamp, std::string_view body) const {
    std::string bytes;
    for (std::string_view rest = options_.signed_text; !rest.empty();) {
      if (rest.starts_with(kBody)) {
        bytes += body;
        rest.remove_prefix(kBody.size());
      } else if (rest.starts_with(kTimestamp)) {
        bytes += timestamp;
        rest.remove_prefix(kTimestamp.size());
      } else {
        bytes += rest.front();
        rest.remove_prefix(1);
      }
    }
    return bytes;
  }

  const HmacOptions options_;
};

}  // namespace

Result<std::shared_ptr<const Verifier>> MakeHmacVerifier(HmacOptions options) {
  const auto refuse = [](const char* message) { return Fail(ErrorCode::kRefused, std::string{"hmac: "} + message); };
  if (options.header.empty()) return refuse("name the header that holds the signature");
  if (options.secrets.empty()) return refuse("there is no secret");
  if (std::any_of(options.secrets.begin(), options.secrets.end(), [](const auto& secret) { return secret.empty(); })) {
    return refuse("a secret is empty");
  }
  if (options.signed_text.find(kBody) == std::string::npos) return refuse("signed_text must contain {body}");
  const bool signs_time = options.signed_text.find(kTimestamp) != std::string::npos;
  if (signs_time && options.timestamp_header.empty()) return refuse("signed_text has {timestamp}: name the timestamp_header");
  if (!signs_time && !options.timestamp_header.empty()) {
    return refuse("a timestamp that is not signed proves nothing: put {timestamp} into signed_text");
  }
  return std::make_shared<const HmacVerifier>(std::move(options));
}

}  // namespace membridge::receiver
