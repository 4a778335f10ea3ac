// The schemes that do not sign, several schemes together, and base64.
#include <fmt/format.h>

#include "mappings/base/encoding.hpp"
#include "receiver/verify/address_verifiers.hpp"
#include "receiver/verify/basic_verifier.hpp"
#include "receiver/verify/hmac_verifier.hpp"
#include "receiver/verify/network.hpp"
#include "receiver/verify/signing.hpp"
#include "receiver/verify/standard_webhooks.hpp"
#include "tests/receiver/verify/verifying.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace membridge::test;
using namespace std::string_literals;
using http::Request;

TEST_CASE("basic: one of the logins, and only in its one spelling", "[verify]") {
  const auto verifier = MakeBasicVerifier({{"mem0", "pa:ss"}, {"Aladdin", "open sesame"}});
  const auto passes = [&](const std::string& value) { return Passes(verifier, Made({{"Authorization", value}})); };
  CHECK(passes("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
  CHECK(passes("basic " + EncodeBase64("mem0:pa:ss")));
  for (const std::string& wrong :
       {std::string{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ"}, std::string{"Basic QWxhZGRpbjpvcGVuIHNlc2FtZR=="},
        "Bearer " + EncodeBase64("mem0:pa:ss"), "Basic  " + EncodeBase64("mem0:pa:ss"), "Basic" + EncodeBase64("mem0:pa:ss"),
        "Basic " + EncodeBase64("mem0:pa"), "Basic " + EncodeBase64("mem0"), "Basic " + EncodeBase64("Aladdin:pa:ss"),
        std::string{"Basic "}, std::string{"Basic"}, std::string{}}) {
    CAPTURE(wrong);
    CHECK_FALSE(passes(wrong));
  }
  CHECK_FALSE(Passes(verifier, Made({})));
  CHECK_FALSE(MakeBasicVerifier({}));
  CHECK_FALSE(MakeBasicVerifier({{"a:b", "c"}}));
  CHECK_FALSE(MakeBasicVerifier({{"a", ""}}));
}

TEST_CASE("ip-allow: addresses in the networks, to the bit", "[verify]") {
  const auto verifier = MakeIpAllow({"192.0.2.0/25", "198.51.100.7", "2001:db8::/33", "10.0.0.0/8"}, {});
  const auto [peer, passes] = GENERATE(table<std::string, bool>({
      {"192.0.2.0", true},
      {"192.0.2.127", true},
      {"192.0.2.128", false},
      {"192.0.1.255", false},
      {"198.51.100.7", true},
      {"198.51.100.6", false},
      {"2001:db8:7fff::1", true},
      {"2001:db8:8000::1", false},
      {"::ffff:10.1.2.3", true},
      {"::10.1.2.3", false},
      {"", false},
      {"10.1.2.3:80", false},
  }));
  CAPTURE(peer);
  CHECK(Passes(verifier, Made({}, "", peer)) == passes);
}

TEST_CASE("ip-allow: X-Forwarded-For counts from trusted proxies, and from the right", "[verify]") {
  const auto verifier = MakeIpAllow({"203.0.113.0/24"}, {"10.0.0.0/8", "::1"});
  const auto [peer, forwarded, passes] = GENERATE(table<std::string, std::vector<std::string>, bool>({
      {"10.0.0.1", {"203.0.113.5"}, true},
      {"::1", {"203.0.113.5"}, true},
      {"192.0.2.1", {"203.0.113.5"}, false},            // not a proxy of ours
      {"203.0.113.9", {"192.0.2.1"}, true},             // came itself, and says what it likes
      {"10.0.0.1", {"203.0.113.5, 192.0.2.1"}, false},  // the first is invented
      {"10.0.0.1", {"192.0.2.1, 203.0.113.5"}, true},
      {"10.0.0.1", {"192.0.2.1, 203.0.113.5, 10.0.0.2"}, true},
      {"10.0.0.1", {"203.0.113.5", "192.0.2.1"}, false},  // two headers are one list
      {"10.0.0.1", {"203.0.113.5:4711"}, true},
      {"10.0.0.1", {"nonsense"}, false},
      {"10.0.0.1", {"203.0.113.5, nonsense"}, false},
      {"10.0.0.1", {"203.0.113.5,"}, false},
      {"10.0.0.1", {}, false},
      {"10.0.0.1", {"10.0.0.2"}, false},
  }));
  CAPTURE(peer, forwarded);
  Headers headers;
  for (const std::string& value : forwarded) headers.push_back({"x-forwarded-for", value});
  CHECK(Passes(verifier, Made(headers, "", peer)) == passes);
}

TEST_CASE("networks that cannot be right stop the start", "[verify]") {
  const auto [text, message] = GENERATE(table<std::string, std::string>({
      {"10.0.0.0/33", "ip-allow: '10.0.0.0/33' has no valid prefix length"},
      {"10.0.0.0/", "ip-allow: '10.0.0.0/' has no valid prefix length"},
      {"10.0.0.0/x", "ip-allow: '10.0.0.0/x' has no valid prefix length"},
      {"2001:db8::/129", "ip-allow: '2001:db8::/129' has no valid prefix length"},
      {"10.0.0.1/8", "ip-allow: '10.0.0.1/8' has bits set beyond its prefix"},
      {"10.0.0", "ip-allow: '10.0.0' is not an IP address or network"},
      {"example.com", "ip-allow: 'example.com' is not an IP address or network"},
      {"", "ip-allow: '' is not an IP address or network"},
  }));
  const auto verifier = MakeIpAllow({"192.0.2.0/24", text}, {});
  REQUIRE_FALSE(verifier);
  CHECK(verifier.error().message == message);
  CHECK_FALSE(MakeIpAllow({}, {}));
  CHECK_FALSE(MakeIpAllow({"192.0.2.0/24"}, {"nonsense"}));
}

TEST_CASE("client-certificate: the header of a trusted proxy, and of nobody else", "[verify]") {
  const auto verifier =
      MakeClientCertificate({.header = "X-Client-Fingerprint", .allowed = {"aa11", "bb22"}, .trusted_proxies = {"127.0.0.1"}});
  CHECK(Passes(verifier, Made({{"x-client-fingerprint", "bb22"}}, "", "127.0.0.1")));
  CHECK_FALSE(Passes(verifier, Made({{"x-client-fingerprint", "bb22"}}, "", "192.0.2.1")));
  CHECK_FALSE(Passes(verifier, Made({{"x-client-fingerprint", "bb2"}}, "", "127.0.0.1")));
  CHECK_FALSE(Passes(verifier, Made({{"x-client-fingerprint", ""}}, "", "127.0.0.1")));
  CHECK_FALSE(Passes(verifier, Made({}, "", "127.0.0.1")));
  CHECK_FALSE(Passes(verifier, Made({{"x-client-fingerprint", "bb22"}, {"X-Client-Fingerprint", "bb22"}}, "", "127.0.0.1")));
  CHECK_FALSE(MakeClientCertificate({.header = "H", .allowed = {"a"}, .trusted_proxies = {}}));
  CHECK_FALSE(MakeClientCertificate({.header = "", .allowed = {"a"}, .trusted_proxies = {"::1"}}));
  CHECK_FALSE(MakeClientCertificate({.header = "H", .allowed = {}, .trusted_proxies = {"::1"}}));
  CHECK_FALSE(MakeClientCertificate({.header = "H", .allowed = {""}, .trusted_proxies = {"::1"}}));
}

TEST_CASE("every scheme of a project has to pass", "[verify]") {
  const ProjectId crm{"crm"};
  const Verification verification{{{crm, {*MakeIpAllow({"192.0.2.0/24"}, {}), *MakeBasicVerifier({{"u", "p"}})}}}};
  const auto passes = [&](const ProjectId& project, const Request& request) {
    return verification.Verify({.request = request, .project = project, .url_token = "", .now = Instant{}}).has_value();
  };
  const Headers login{{"Authorization", "Basic " + EncodeBase64("u:p")}};
  CHECK(passes(crm, Made(login)));
  CHECK_FALSE(passes(crm, Made(login, "", "198.51.100.1")));
  CHECK_FALSE(passes(crm, Made({})));
  CHECK_FALSE(passes(ProjectId{"other"}, Made(login)));
}

TEST_CASE("all of several schemes, or any of them, and nobody where there is none", "[verify]") {
  const auto left = *MakeHmacVerifier({.header = "L", .secrets = {"l"}});
  const auto right = *MakeHmacVerifier({.header = "R", .secrets = {"r"}});
  const std::string body = "{}";
  const http::Header l{"L", EncodeHex(Hmac(HashAlgorithm::kSha256, "l", body))};
  const http::Header r{"R", EncodeHex(Hmac(HashAlgorithm::kSha256, "r", body))};
  CHECK(Passes(MakeAnyOf({left, right}), Made({l}, body)));
  CHECK(Passes(MakeAnyOf({left, right}), Made({r}, body)));
  CHECK_FALSE(Passes(MakeAnyOf({left, right}), Made({}, body)));
  CHECK_FALSE(Passes(MakeAllOf({left, right}), Made({l}, body)));
  CHECK_FALSE(Passes(MakeAllOf({left, right}), Made({r}, body)));
  CHECK(Passes(MakeAllOf({left, right}), Made({l, r}, body)));
  const auto home = *MakeIpAllow({"192.0.2.0/24"}, {});
  const auto either = *MakeAllOf({home, *MakeAnyOf({left, right})});
  CHECK(Passes(MakeAllOf({either}), Made({r}, body)));
  CHECK_FALSE(Passes(MakeAllOf({either}), Made({r}, body, "198.51.100.1")));
  CHECK_FALSE(Passes(MakeAllOf({either}), Made({}, body)));
  CHECK_FALSE(MakeAllOf({}));
  CHECK_FALSE(MakeAnyOf({}));
}

TEST_CASE("base64 has one text for every byte string", "[verify]") {
  const auto [bytes, text] = GENERATE(table<std::string, std::string>({
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"},
      {"\xff\xfe", "//4="},
  }));
  CHECK(EncodeBase64(bytes) == text);
  CHECK(DecodeBase64(text) == bytes);
  for (const char* wrong : {"Zg", "Zg=", "Zh==", "Zg===", "Z", "=", "Zm9v=", "Zm9v\n", " Zm9v", "Zm-_", "Zg==Zg=="}) {
    CAPTURE(wrong);
    CHECK(DecodeBase64(wrong) == std::nullopt);
  }
}
