#include "receiver/verify/hmac_verifier.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "mappings/base/encoding.hpp"

namespace membridge::receiver {
namespace {

constexpr std::string_view kBody = "{body}";
constexpr std::string_view kTimestamp = "{timestamp}";
constexpr std::string_view kId = "{id}";

bool IsId(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != '.'; });
}

class HmacVerifier final : public Verifier {
 public:
  explicit HmacVerifier(HmacOptions options) : options_(std::move(options)) {}

  Result<Admission> Verify(const Attempt& attempt) const override {
    std::string timestamp;
    std::optional<Instant> sent_at;
    if (!options_.timestamp_header.empty()) {
      timestamp = OnlyHeader(attempt.request, options_.timestamp_header).value_or("");
      sent_at = ReadUnixSeconds(timestamp);
      if (!sent_at || !IsRecent(*sent_at, attempt.now, options_.tolerance))
        return Fail(ErrorCode::kUnauthorized, "hmac: timestamp");
    }
    std::string id;
    if (!options_.id_header.empty()) {
      id = OnlyHeader(attempt.request, options_.id_header).value_or("");
      if (!IsId(id)) return Fail(ErrorCode::kUnauthorized, "hmac: id");
    }
    auto signature = OnlyHeader(attempt.request, options_.header);
    if (!signature || !signature->starts_with(options_.prefix)) return Fail(ErrorCode::kUnauthorized, "hmac: header");
    signature->erase(0, options_.prefix.size());
    if (options_.encoding == MacEncoding::kHex) {
      for (char& c : *signature) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    const std::string signed_bytes = SignedBytes(id, timestamp, attempt.request.body);
    bool matches = false;
    for (const std::string& secret : options_.secrets) {
      const std::string mac = Hmac(options_.algorithm, secret, signed_bytes);
      const std::string expected = options_.encoding == MacEncoding::kHex ? EncodeHex(mac) : EncodeBase64(mac);
      matches = EqualsInConstantTime(*signature, expected) || matches;
    }
    if (!matches) return Fail(ErrorCode::kUnauthorized, "hmac: signature");
    Admission admission;
    if (sent_at) admission.once = MarkOf(attempt, id, timestamp, *sent_at);
    return admission;
  }

 private:
  /// Fills in the pattern in one pass: what was received is never searched for placeholders.
  std::string SignedBytes(std::string_view id, std::string_view timestamp, std::string_view body) const {
    std::string bytes;
    for (std::string_view rest = options_.signed_text; !rest.empty();) {
      if (rest.starts_with(kBody)) {
        bytes += body;
        rest.remove_prefix(kBody.size());
      } else if (rest.starts_with(kTimestamp)) {
        bytes += timestamp;
        rest.remove_prefix(kTimestamp.size());
      } else if (rest.starts_with(kId)) {
        bytes += id;
        rest.remove_prefix(kId.size());
      } else {
        bytes += rest.front();
        rest.remove_prefix(1);
      }
    }
    return bytes;
  }

  std::optional<sync::ReplayMark> MarkOf(const Attempt& attempt, const std::string& id, const std::string& timestamp,
                                         Instant sent_at) const {
    const Instant until = sent_at + options_.tolerance + kReplaySlack;
    const std::string& project = attempt.project.Text();
    if (!id.empty()) return sync::ReplayMark{ReplayKey({project, "hmac id", id, attempt.request.body}), until};
    if (attempt.now < sent_at + std::chrono::seconds{1}) return std::nullopt;
    return sync::ReplayMark{ReplayKey({project, "hmac time", timestamp, attempt.request.body}), until};
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
  const bool signs_id = options.signed_text.find(kId) != std::string::npos;
  if (signs_id && options.id_header.empty()) return refuse("signed_text has {id}: name the id_header");
  if (!signs_id && !options.id_header.empty())
    return refuse("an id that is not signed proves nothing: put {id} into signed_text");
  if (signs_id && !signs_time)
    return refuse("an id without a time would have to be remembered for ever: put {timestamp} into signed_text");
  return std::make_shared<const HmacVerifier>(std::move(options));
}

}  // namespace membridge::receiver
