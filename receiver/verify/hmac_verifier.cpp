#include "receiver/verify/hmac_verifier.hpp"

#include <algorithm>
#include <boost/algorithm/string/case_conv.hpp>
#include <locale>
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
    const Result<Claimed> claimed = ReadHeaders(attempt);
    if (!claimed) return tl::unexpected<Error>(claimed.error());
    const std::string signed_bytes = SignedBytes(claimed->id, claimed->timestamp, attempt.request.body);
    bool matches = false;
    for (const std::string& secret : options_.secrets) {
      const std::string mac = Hmac(options_.algorithm, secret, signed_bytes);
      const std::string expected = options_.encoding == MacEncoding::kHex ? EncodeHex(mac) : EncodeBase64(mac);
      matches = EqualsInConstantTime(claimed->signature, expected) || matches;
    }
    if (!matches) return Fail(ErrorCode::kUnauthorized, "hmac: signature");
    Admission admission;
    if (claimed->sent_at) admission.once = MarkOf(attempt, claimed->id, claimed->timestamp, *claimed->sent_at);
    return admission;
  }

  Result<Standing> VerifyHead(const Attempt& attempt) const override {
    const Result<Claimed> claimed = ReadHeaders(attempt);
    if (!claimed) return tl::unexpected<Error>(claimed.error());
    return Standing::kOpen;
  }

 private:
  /// The claims of the headers. They are not proven before the signature is checked.
  struct Claimed {
    std::string timestamp{};
    std::optional<Instant> sent_at{};
    std::string id{};
    std::string signature{};  // without the prefix; hex in lower case
  };

  Result<Claimed> ReadHeaders(const Attempt& attempt) const {
    Claimed claimed;
    if (!options_.timestamp_header.empty()) {
      claimed.timestamp = OnlyHeader(attempt.request, options_.timestamp_header).value_or("");
      claimed.sent_at = ReadUnixSeconds(claimed.timestamp);
      if (!claimed.sent_at || !IsRecent(*claimed.sent_at, attempt.now, options_.tolerance))
        return Fail(ErrorCode::kUnauthorized, "hmac: timestamp");
    }
    if (!options_.id_header.empty()) {
      claimed.id = OnlyHeader(attempt.request, options_.id_header).value_or("");
      if (!IsId(claimed.id)) return Fail(ErrorCode::kUnauthorized, "hmac: id");
    }
    const auto signature = OnlyHeader(attempt.request, options_.header);
    if (!signature || !signature->starts_with(options_.prefix)) return Fail(ErrorCode::kUnauthorized, "hmac: header");
    claimed.signature = signature->substr(options_.prefix.size());
    if (options_.encoding == MacEncoding::kHex) boost::algorithm::to_lower(claimed.signature, std::locale::classic());
    return claimed;
  }

  /// Fills in the pattern in one pass, so that received text is never searched for placeholders.
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
