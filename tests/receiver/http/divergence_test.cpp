// Where published implementations of Standard Webhooks differ, a case each: what this one does, and that it does so.
#include <limits>

#include "receiver/verify/standard_webhooks.hpp"
#include "tests/receiver/verify/verifying.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace membridge::test;

namespace {

const std::string kBytes = DecodeBase64(kSecret.substr(6)).value();

/// Whether a delivery signed over exactly this text of its time passes.
bool PassesAt(const std::string& timestamp, Instant now) {
  return Asked(MakeStandardWebhooks({kSecret}), Standard(SignedWith(kBytes, kId, timestamp, kBody), timestamp), now).has_value();
}

constexpr Instant kNow{std::chrono::seconds{kTime}};

}  // namespace

TEST_CASE("divergence, fractional timestamps: refused, not floored", "[verify][divergence]") {
  CHECK_FALSE(PassesAt(std::to_string(kTime) + ".0", kNow));
  CHECK_FALSE(PassesAt(std::to_string(kTime) + ".7", kNow));
  // Not even where the signature is over the floored second.
  CHECK_FALSE(Asked(MakeStandardWebhooks({kSecret}), Standard(kSignature, std::to_string(kTime) + ".7"), kNow).has_value());
}

TEST_CASE("divergence, leading zeros and signs in timestamps: refused, only canonical digits are read", "[verify][divergence]") {
  for (const std::string odd : {"0", "+", "-", " ", "00"}) CHECK_FALSE(PassesAt(odd + std::to_string(kTime), kNow));
  CHECK_FALSE(Asked(MakeStandardWebhooks({kSecret}), Standard(kSignature, "0" + std::to_string(kTime)), kNow).has_value());
}

TEST_CASE("divergence, extreme timestamps: refused without overflow", "[verify][divergence]") {
  for (const std::int64_t extreme :
       {std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min(), std::int64_t{99'999'999'999}})
    CHECK_FALSE(PassesAt(std::to_string(extreme), kNow));
  CHECK_FALSE(PassesAt("18446744073709551616", kNow));
  CHECK_FALSE(PassesAt(std::string(400, '9'), kNow));
}

TEST_CASE("divergence, the edge of the tolerance: whole seconds, so 300.9 seconds still pass and 301 do not",
          "[verify][divergence]") {
  using std::chrono::milliseconds;
  CHECK(PassesAt(std::to_string(kTime), kNow + milliseconds{300'900}));
  CHECK(PassesAt(std::to_string(kTime), kNow - milliseconds{300'000}));
  CHECK_FALSE(PassesAt(std::to_string(kTime), kNow + milliseconds{301'000}));
  CHECK_FALSE(PassesAt(std::to_string(kTime), kNow - milliseconds{300'001}));
}

TEST_CASE("divergence, base64 of a received signature: compared as text, so another spelling of the same bytes is refused",
          "[verify][divergence]") {
  std::string other = kSignature;
  other[other.size() - 2] = 'F';  // the same bytes to a lenient decoder
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard(other), kTime));
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard(kSignature.substr(0, kSignature.size() - 1)), kTime));
}

TEST_CASE("divergence, a list item without comma: skipped", "[verify][divergence]") {
  CHECK(Passes(MakeStandardWebhooks({kSecret}), Standard("v1 nocomma " + kSignature), kTime));
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard("nocomma"), kTime));
}

TEST_CASE("divergence, unknown versions: skipped, and a v1 signature under another version is refused", "[verify][divergence]") {
  CHECK(Passes(MakeStandardWebhooks({kSecret}), Standard("v9,AAAA " + kSignature), kTime));
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard("v2" + kSignature.substr(2)), kTime));
}

TEST_CASE("divergence, bodies that are not UTF-8: signed and compared as raw bytes", "[verify][divergence]") {
  const std::string raw("\xff\xfe\0{}", 5);
  const std::string time = std::to_string(kTime);
  CHECK(Passes(MakeStandardWebhooks({kSecret}), Standard(SignedWith(kBytes, kId, time, raw), time, kId, raw), kTime));
  CHECK_FALSE(
      Passes(MakeStandardWebhooks({kSecret}), Standard(SignedWith(kBytes, kId, time, raw), time, kId, "\xef\xbf\xbd{}"), kTime));
}

TEST_CASE("divergence, both header families at once: the webhook- family counts alone", "[verify][divergence]") {
  const auto with = [](const std::string& ours, const std::string& svix) {
    const std::string time = std::to_string(kTime);
    return Made({{"webhook-id", kId},
                 {"webhook-timestamp", time},
                 {"webhook-signature", ours},
                 {"svix-id", kId},
                 {"svix-timestamp", time},
                 {"svix-signature", svix}},
                kBody);
  };
  CHECK(Passes(MakeStandardWebhooks({kSecret}), with(kSignature, "v1,AAAA"), kTime));
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), with("v1,AAAA", kSignature), kTime));
}

TEST_CASE("divergence, dots in ids: refused, for the end of the id would pass for a time", "[verify][divergence]") {
  const std::string time = std::to_string(kTime);
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard(SignedWith(kBytes, "msg.1", time, kBody), time, "msg.1"), kTime));
}

TEST_CASE("divergence, secrets without padding or with stray bits: refused at the start", "[verify][divergence]") {
  CHECK_FALSE(MakeStandardWebhooks({"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"}));
  CHECK_FALSE(MakeStandardWebhooks({"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr"}));
}

TEST_CASE("divergence, empty secrets: refused at the start, and the message tells nothing of a signature",
          "[verify][divergence]") {
  for (const std::string secret : {"", "whsec_"}) {
    const auto verifier = MakeStandardWebhooks({secret});
    REQUIRE_FALSE(verifier);
    CHECK(verifier.error().message == "standard-webhooks: secret 1 has not between 24 and 64 bytes");
  }
}
