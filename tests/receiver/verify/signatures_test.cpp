// The signing schemes against the vectors their authors publish, and against what must not pass.
#include <fmt/format.h>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/hmac_verifier.hpp"
#include "receiver/verify/signing.hpp"
#include "receiver/verify/standard_webhooks.hpp"
#include "tests/receiver/verify/verifying.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace membridge::test;
using namespace std::string_literals;
using http::Request;

TEST_CASE("standard-webhooks: published signatures pass", "[verify]") {
  CHECK(Passes(MakeStandardWebhooks({kSecret}), Standard(kSignature), kTime));
  CHECK(Passes(MakeStandardWebhooks({kSecret.substr(6)}), Standard(kSignature), kTime));
  CHECK(Passes(MakeStandardWebhooks({kSecret2}), Standard(kSignature2, std::to_string(kTime2), kId2, kBody2), kTime2));
  CHECK(Passes(MakeStandardWebhooks({kPublicKey}), Standard(kSignatureA), kTime));
  CHECK(Passes(MakeStandardWebhooks({kSecret2, kPublicKey, kSecret}), Standard(kSignature), kTime));
  CHECK(Passes(MakeStandardWebhooks({kSecret2, kPublicKey}), Standard(kSignatureA), kTime));
  CHECK(Passes(MakeStandardWebhooks({kSecret}),
               Made({{"SVIX-ID", kId}, {"Svix-Timestamp", std::to_string(kTime)}, {"svix-Signature", kSignature}}, kBody),
               kTime));
  CHECK(
      Passes(MakeStandardWebhooks({kSecret}),
             Made({{"Webhook-ID", kId}, {"WEBHOOK-TIMESTAMP", std::to_string(kTime)}, {"webhook-Signature", kSignature}}, kBody),
             kTime));
}

TEST_CASE("standard-webhooks: one match in a list is enough, whatever else stands there", "[verify]") {
  const std::string other = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
  const std::string other_v2 = "v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
  for (const std::string& list :
       {other + " " + other_v2 + " " + kSignature + " " + other, "nocomma " + kSignature, kSignature + " nocomma",
        "  " + kSignature + " ", "v1, " + kSignature, "v1a,AAAA " + kSignature, ", " + kSignature}) {
    CAPTURE(list);
    CHECK(Passes(MakeStandardWebhooks({kSecret}), Standard(list), kTime));
  }
  const std::string decoys =
      "v1,tFtCZ5RDCPxzWQRWXWPgrCgE2frDBe9gjpbWQxnVfsQ= v1,Mm7xgUVICxZfQ3bgf0h0Dof65L/IFx+PnZvnDWPCX6Q= "
      "v1,9DfC1c3eeOrXB6w/5dIDydLNQaEyww5KalE5jLBZucE=";
  const auto verifier = MakeStandardWebhooks({kSecret2});
  CHECK_FALSE(Passes(verifier, Standard(decoys, std::to_string(kTime2), kId2, kBody2), kTime2));
  CHECK(Passes(verifier, Standard(decoys + " " + kSignature2, std::to_string(kTime2), kId2, kBody2), kTime2));
  CHECK_FALSE(Passes(verifier, Standard("v1,R3PTzyfHASBKHH98a7yexTwaJ4yNIcGhFQc1yuN+BPU=", std::to_string(kTime2), kId2, kBody2),
                     kTime2));
  // Looking has an end.
  std::string long_list;
  for (int i = 0; i < 16; ++i) long_list += other + " ";
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard(long_list + kSignature), kTime));
}

TEST_CASE("standard-webhooks: wrong signatures do not pass", "[verify]") {
  const std::string signature = GENERATE_COPY(
      as<std::string>{}, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLawdd",
      "v1,dawfeoifkpqwoekfpqoekf", "v1,invalid_signature", "v1,", "v1", "", " ", "invalid_signature", kSignature.substr(0, 8),
      "v2" + kSignature.substr(2), "v1a" + kSignature.substr(2), kSignature.substr(0, kSignature.size() - 1),
      "V1" + kSignature.substr(2), kSignature.substr(3), "v1,,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
      // the same bytes, written another way
      "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OF=", "v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  CAPTURE(signature);
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret}), Standard(signature), kTime));
  CHECK_FALSE(Passes(MakeStandardWebhooks({kPublicKey}), Standard(signature), kTime));
}

TEST_CASE("standard-webhooks: every byte counts", "[verify]") {
  const auto verifier = MakeStandardWebhooks({kSecret, kPublicKey});
  const std::string time = std::to_string(kTime);
  for (const std::string& signature : {kSignature, kSignatureA}) {
    CHECK_FALSE(Passes(verifier, Standard(signature, time, kId, kBody + " "), kTime));
    CHECK_FALSE(Passes(verifier, Standard(signature, time, kId, ""), kTime));
    CHECK_FALSE(Passes(verifier, Standard(signature, time, kId + "x", kBody), kTime));
    CHECK_FALSE(Passes(verifier, Standard(signature, std::to_string(kTime + 1), kId, kBody), kTime));
  }
  CHECK_FALSE(Passes(MakeStandardWebhooks({kSecret2}), Standard(kSignature), kTime));
  // Bytes that are not UTF-8, and NUL, are signed like any others.
  const std::string raw("\xff\xfe\0{}", 5);
  const std::string bytes = DecodeBase64(kSecret.substr(6)).value();
  CHECK(Passes(verifier, Standard(SignedWith(bytes, kId, time, raw), time, kId, raw), kTime));
}

TEST_CASE("standard-webhooks: the time is whole seconds and near", "[verify]") {
  const auto verifier = MakeStandardWebhooks({kSecret});
  const std::string bytes = DecodeBase64(kSecret.substr(6)).value();
  const auto passes = [&](const std::string& timestamp, std::int64_t now) {
    return Passes(verifier, Standard(SignedWith(bytes, kId, timestamp, kBody), timestamp), now);
  };
  const std::string time = std::to_string(kTime);
  CHECK(passes(time, kTime - 300));
  CHECK(passes(time, kTime + 300));
  CHECK_FALSE(passes(time, kTime - 301));
  CHECK_FALSE(passes(time, kTime + 301));
  // Signed or not: another spelling of the same second is another text elsewhere.
  for (const std::string& odd :
       {"0" + time, time + ".0", time + ".5", "+" + time, " " + time, time + " ", "1.614265330e9"s, "hello"s, std::string{},
        "-1"s, "9223372036854775807"s, "99999999999"s, "-9223372036854775808"s}) {
    CAPTURE(odd);
    CHECK_FALSE(passes(odd, kTime));
  }
}

TEST_CASE("standard-webhooks: all three headers, once, of one family", "[verify]") {
  const auto verifier = MakeStandardWebhooks({kSecret});
  const Headers whole{{"webhook-id", kId}, {"webhook-timestamp", std::to_string(kTime)}, {"webhook-signature", kSignature}};
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CAPTURE(i);
    Headers missing = whole;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
    CHECK_FALSE(Passes(verifier, Made(missing, kBody), kTime));
    Headers doubled = whole;
    doubled.push_back(whole[i]);
    CHECK_FALSE(Passes(verifier, Made(doubled, kBody), kTime));
    Headers mixed = whole;
    mixed[i].name.replace(0, 7, "svix");
    CHECK_FALSE(Passes(verifier, Made(mixed, kBody), kTime));
    Headers empty = whole;
    empty[i].value.clear();
    CHECK_FALSE(Passes(verifier, Made(empty, kBody), kTime));
  }
  // An id with a dot could swallow the timestamp.
  const std::string bytes = DecodeBase64(kSecret.substr(6)).value();
  CHECK_FALSE(Passes(verifier, Standard(SignedWith(bytes, "msg.1", std::to_string(kTime), kBody), std::to_string(kTime), "msg.1"),
                     kTime));
}

TEST_CASE("standard-webhooks: secrets that cannot be right stop the start", "[verify]") {
  const std::string secret = GENERATE(
      as<std::string>{}, "", "whsec_", "whsec_%", "whsec_wronglength", "whsec_dG9vIHNob3J0", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
      "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr", "whpk_", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqf",
      "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==",
      "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kv",
      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw ", "whsec_MfKQ9r8GKYqrTwjU PD8ILPZIo2LaLaSw");
  CAPTURE(secret);
  const auto verifier = MakeStandardWebhooks({kSecret, secret});
  REQUIRE_FALSE(verifier);
  CHECK(verifier.error().message.starts_with("standard-webhooks: secret 2 "));
  CHECK((secret.size() < 8 || verifier.error().message.find(secret.substr(6)) == std::string::npos));
  CHECK_FALSE(MakeStandardWebhooks({}));
}

TEST_CASE("hmac: published signatures pass, and nothing near them", "[verify]") {
  const std::string slack_body =
      "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id="
      "U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%"
      "2FT1DC2JH3J%"
      "2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
  struct Vector {
    HmacOptions options;
    Headers headers;
    std::string body;
    std::int64_t now;
  };
  const auto simple = [](HashAlgorithm algorithm, const std::string& prefix, const std::string& secret, const std::string& body,
                         const std::string& mac) {
    return Vector{
        {.header = "X-Signature", .algorithm = algorithm, .prefix = prefix, .secrets = {secret}, .timestamp_header = ""},
        {{"x-signature", prefix + mac}},
        body,
        0};
  };
  const std::vector<Vector> vectors{
      // GitHub's documentation
      simple(HashAlgorithm::kSha256, "sha256=", "It's a Secret to Everybody", "Hello, World!",
             "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
      // adnanh/webhook
      simple(HashAlgorithm::kSha1, "", "secret", R"({"a": "z"})", "b17e04cbb22afa8ffbff8796fc1894ed27badd9e"),
      simple(HashAlgorithm::kSha256, "", "secret", R"({"a": "z"})",
             "f417af3a21bd70379b5796d5f013915e7029f62c580fb0f500f59a35a6f04c89"),
      simple(HashAlgorithm::kSha512, "sha512=", "secret", R"({"a": "z"})",
             "4ab17cc8ec668ead8bf498f87f8f32848c04d5ca3c9bcfcd3db9363f0deb44e580b329502a7fdff633d4d8fca301cc5c94a55a2fec458c675fb"
             "0ff2655898324"),
      simple(HashAlgorithm::kSha1, "sha1=", "secret", "", "25af6174a0fcecc4d346680a72b7ce644b9a88e8"),
      simple(HashAlgorithm::kSha256, "", "secret", "", "f9e66e179b6747ae54108f82f8ade8b3c25d76fd30afde6c395822c530196169"),
      simple(HashAlgorithm::kSha512, "", "secret", "",
             "b0e9650c5faf9cd8ae02276671545424104589b3656731ec193b25d01b07561c27637c2d4d68389d6cf5007a8632c26ec89ba80a01c77a6cdd3"
             "89ec28db43901"),
      // Slack's documentation
      {{.header = "X-Slack-Signature",
        .prefix = "v0=",
        .secrets = {"8f742231b10e8888abcd99yyyzzz85a5"},
        .signed_text = "v0:{timestamp}:{body}",
        .timestamp_header = "X-Slack-Request-Timestamp"},
       {{"X-Slack-Request-Timestamp", "1531420618"},
        {"X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"}},
       slack_body,
       1531420618},
  };
  for (const Vector& vector : vectors) {
    CAPTURE(vector.headers.back().value);
    const auto verifier = MakeHmacVerifier(vector.options);
    CHECK(Passes(verifier, Made(vector.headers, vector.body), vector.now));
    CHECK_FALSE(Passes(verifier, Made(vector.headers, vector.body + "x"), vector.now));
    CHECK_FALSE(Passes(verifier, Made({}, vector.body), vector.now));
    Headers wrong = vector.headers;
    wrong.back().value.back() = wrong.back().value.back() == '0' ? '1' : '0';
    CHECK_FALSE(Passes(verifier, Made(wrong, vector.body), vector.now));
    Headers shortened = vector.headers;
    shortened.back().value.pop_back();
    CHECK_FALSE(Passes(verifier, Made(shortened, vector.body), vector.now));
    Headers doubled = vector.headers;
    doubled.push_back(vector.headers.back());
    CHECK_FALSE(Passes(verifier, Made(doubled, vector.body), vector.now));
    Headers unprefixed = vector.headers;
    unprefixed.back().value = "x" + unprefixed.back().value;
    CHECK_FALSE(Passes(verifier, Made(unprefixed, vector.body), vector.now));
    HmacOptions other = vector.options;
    other.secrets = {"another"};
    CHECK_FALSE(Passes(MakeHmacVerifier(other), Made(vector.headers, vector.body), vector.now));
    other.secrets.push_back(vector.options.secrets.front());
    CHECK(Passes(MakeHmacVerifier(other), Made(vector.headers, vector.body), vector.now));
  }
  CHECK_FALSE(Passes(MakeHmacVerifier(vectors.back().options), Made(vectors.back().headers, slack_body), 1531420618 + 301));
}

TEST_CASE("hmac: hex in either case, base64 in one spelling", "[verify]") {
  const std::string mac = Hmac(HashAlgorithm::kSha256, "k", "body");
  HmacOptions options{.header = "S", .secrets = {"k"}};
  std::string upper = EncodeHex(mac);
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  CHECK(Passes(MakeHmacVerifier(options), Made({{"S", upper}}, "body")));
  options.encoding = MacEncoding::kBase64;
  CHECK(Passes(MakeHmacVerifier(options), Made({{"S", EncodeBase64(mac)}}, "body")));
  CHECK_FALSE(Passes(MakeHmacVerifier(options), Made({{"S", EncodeBase64Url(mac)}}, "body")));
  CHECK_FALSE(Passes(MakeHmacVerifier(options), Made({{"S", EncodeHex(mac)}}, "body")));
}

TEST_CASE("hmac: what was received is not searched for placeholders", "[verify]") {
  const HmacOptions options{.header = "S", .secrets = {"k"}, .signed_text = "{timestamp}.{body}", .timestamp_header = "T"};
  const std::string body = "{timestamp}{body}";
  const std::string mac = EncodeHex(Hmac(HashAlgorithm::kSha256, "k", "100." + body));
  CHECK(Passes(MakeHmacVerifier(options), Made({{"T", "100"}, {"S", mac}}, body), 100));
}

TEST_CASE("hmac: options that cannot work stop the start", "[verify]") {
  const auto [options, message] = GENERATE(table<HmacOptions, std::string>({
      {{.secrets = {"k"}}, "hmac: name the header that holds the signature"},
      {{.header = "S"}, "hmac: there is no secret"},
      {{.header = "S", .secrets = {"k", ""}}, "hmac: a secret is empty"},
      {{.header = "S", .secrets = {"k"}, .signed_text = "fixed"}, "hmac: signed_text must contain {body}"},
      {{.header = "S", .secrets = {"k"}, .signed_text = "{timestamp}{body}"},
       "hmac: signed_text has {timestamp}: name the timestamp_header"},
      {{.header = "S", .secrets = {"k"}, .timestamp_header = "T"},
       "hmac: a timestamp that is not signed proves nothing: put {timestamp} into signed_text"},
  }));
  const auto verifier = MakeHmacVerifier(options);
  REQUIRE_FALSE(verifier);
  CHECK(verifier.error().message == message);
}
