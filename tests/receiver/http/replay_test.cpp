// What a replay is known by, for every scheme that can tell one.
#include "receiver/verify/hmac_verifier.hpp"
#include "receiver/verify/standard_webhooks.hpp"
#include "tests/receiver/verify/verifying.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace membridge::test;
using http::Request;

namespace {

constexpr Instant At(std::int64_t seconds, std::int64_t milliseconds = 0) {
  return Instant{std::chrono::seconds{seconds} + std::chrono::milliseconds{milliseconds}};
}

std::string KeyOf(const Result<Admission>& admission) {
  REQUIRE(admission);
  return admission->once ? admission->once->key : "none";
}

Request Signed(const HmacOptions& options, const std::string& id, const std::string& time, const std::string& body) {
  const std::string mac =
      EncodeHex(Hmac(HashAlgorithm::kSha256, options.secrets[0], (id.empty() ? "" : id + ".") + time + "." + body));
  Headers headers{{"T", time}, {"S", mac}};
  if (!id.empty()) headers.push_back({"I", id});
  return Made(headers, body);
}

}  // namespace

TEST_CASE("standard-webhooks: the same id and body is a replay, whatever its time", "[verify][replay]") {
  const auto verifier = MakeStandardWebhooks({kSecret});
  const std::string bytes = DecodeBase64(kSecret.substr(6)).value();
  const auto key = [&](const std::string& id, std::int64_t time, const std::string& body, const std::string& project = "crm") {
    const std::string text = std::to_string(time);
    return KeyOf(Asked(verifier, Standard(SignedWith(bytes, id, text, body), text, id, body), At(kTime), project));
  };
  const std::string first = key(kId, kTime, kBody);
  CHECK(first.size() == 64);
  CHECK(key(kId, kTime, kBody) == first);
  CHECK(key(kId, kTime + 60, kBody) == first);   // the sender's own second try
  CHECK(key(kId, kTime, kBody + " ") != first);  // an id used for everything hides nothing
  CHECK(key(kId + "x", kTime, kBody) != first);
  CHECK(key(kId, kTime, kBody, "erp") != first);
  CHECK(key("a", kTime, "bc") != key("ab", kTime, "c"));
  const auto admission = Asked(verifier, Standard(kSignature), At(kTime - 100));
  CHECK(admission->once->until >= At(kTime + 300));
}

TEST_CASE("hmac: with an id the same id and body is a replay", "[verify][replay]") {
  const HmacOptions options{
      .header = "S", .secrets = {"k"}, .signed_text = "{id}.{timestamp}.{body}", .timestamp_header = "T", .id_header = "I"};
  const auto verifier = MakeHmacVerifier(options);
  const std::string first = KeyOf(Asked(verifier, Signed(options, "d-1", "100", "{}"), At(100)));
  CHECK(KeyOf(Asked(verifier, Signed(options, "d-1", "100", "{}"), At(100, 900))) == first);
  CHECK(KeyOf(Asked(verifier, Signed(options, "d-1", "130", "{}"), At(130))) == first);
  CHECK(KeyOf(Asked(verifier, Signed(options, "d-2", "100", "{}"), At(100))) != first);
  CHECK(KeyOf(Asked(verifier, Signed(options, "d-1", "100", "[]"), At(100))) != first);
  // The parts of what is signed cannot be pushed into each other.
  for (const char* id : {"d.1", "d 1", "", "d\x01"}) {
    CAPTURE(id);
    CHECK_FALSE(Passes(verifier, Signed(options, id, "100", "{}"), 100));
  }
}

TEST_CASE("hmac: with a time alone a replay is known once the second it was signed in is over", "[verify][replay]") {
  const HmacOptions options{.header = "S", .secrets = {"k"}, .signed_text = "{timestamp}.{body}", .timestamp_header = "T"};
  const auto verifier = MakeHmacVerifier(options);
  CHECK(KeyOf(Asked(verifier, Signed(options, "", "100", "{}"), At(100, 999))) == "none");
  const std::string first = KeyOf(Asked(verifier, Signed(options, "", "100", "{}"), At(101)));
  CHECK(KeyOf(Asked(verifier, Signed(options, "", "100", "{}"), At(399))) == first);
  CHECK(KeyOf(Asked(verifier, Signed(options, "", "101", "{}"), At(399))) != first);
  const HmacOptions timeless{.header = "S", .secrets = {"k"}};
  const std::string mac = EncodeHex(Hmac(HashAlgorithm::kSha256, "k", "{}"));
  CHECK(KeyOf(Asked(MakeHmacVerifier(timeless), Made({{"S", mac}}, "{}"), At(100))) == "none");
}

TEST_CASE("hmac: an id or a time that is not signed stops the start", "[verify][replay]") {
  const auto refused = [](HmacOptions options) {
    const auto verifier = MakeHmacVerifier(std::move(options));
    return verifier ? std::string{} : verifier.error().message;
  };
  CHECK(refused({.header = "S", .secrets = {"k"}, .signed_text = "{id}{timestamp}{body}", .timestamp_header = "T"}) ==
        "hmac: signed_text has {id}: name the id_header");
  CHECK(
      refused({.header = "S", .secrets = {"k"}, .signed_text = "{timestamp}{body}", .timestamp_header = "T", .id_header = "I"}) ==
      "hmac: an id that is not signed proves nothing: put {id} into signed_text");
  CHECK(refused({.header = "S", .secrets = {"k"}, .signed_text = "{id}{body}", .id_header = "I"}) ==
        "hmac: an id without a time would have to be remembered for ever: put {timestamp} into signed_text");
}
