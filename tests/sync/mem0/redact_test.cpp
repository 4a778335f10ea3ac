#include "sync/mem0/redact.hpp"

#include "sync/mem0/client.hpp"
#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("an address is shown without what is secret in it", "[mem0]") {
  const auto [url, shown] = GENERATE(table<std::string, std::string>({
      {"https://b.example/webhooks/crm/SECRET", "https://b.example/webhooks/crm/***"},
      {"https://b.example/webhooks/other/SECRET", "https://b.example/***"},
      {"https://b.example:8443/SECRET?x=SECRET#SECRET", "https://b.example:8443/***"},
      {"HTTPS://SECRET:SECRET@b.example/SECRET", "HTTPS://b.example/***"},
      {"http://b.example?SECRET", "http://b.example/***"},
      {"http://b.example", "http://b.example/***"},
      {"b.example/SECRET", "***"},
      {"", "***"},
  }));
  CAPTURE(url);
  CHECK(RedactUrl(url, "https://b.example/webhooks/crm/") == shown);
}

TEST_CASE("addresses inside a sentence are redacted too", "[mem0]") {
  CHECK(RedactUrlsIn("url: \"https://b.example/webhooks/crm/SECRET\" is taken, see http://x/SECRET.") ==
        "url: \"https://b.example/***\" is taken, see http://x/***");
  CHECK(RedactUrlsIn("nothing here") == "nothing here");
  CHECK(RedactUrlsIn("") == "");
}

TEST_CASE("secrets are taken out of a text wherever they stand", "[mem0]") {
  CHECK(Without("key m0-abcdef and m0-abcdef", {"m0-abcdef", ""}) == "key *** and ***");
  CHECK(Without("short ab", {"ab"}) == "short ab");
}

TEST_CASE("a base URL that cannot be one is refused with its reason", "[mem0]") {
  const auto [url, good] = GENERATE(table<std::string, bool>({
      {"https://api.mem0.ai", true},
      {"http://127.0.0.1:9000", true},
      {"http://[::1]:9000/mem0", true},
      {"api.mem0.ai", false},
      {"ftp://api.mem0.ai", false},
      {"file:///etc/passwd", false},
      {"https://", false},
      {"", false},
      {"https://me:pw@api.mem0.ai", false},
      {"https://api.mem0.ai?x=1", false},
      {"https://api.mem0.ai#x", false},
  }));
  CAPTURE(url);
  CHECK(ProblemWithBaseUrl(url).has_value() != good);
}

TEST_CASE("only the shape of a UUID goes into a list of ids", "[mem0]") {
  CHECK(LooksLikeUuid("0198a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b"));
  CHECK(LooksLikeUuid("0198A3C4-5B6D-7E8F-9A0B-1C2D3E4F5A6B"));
  CHECK_FALSE(LooksLikeUuid("0198a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6g"));
  CHECK_FALSE(LooksLikeUuid("0198a3c45b6d7e8f9a0b1c2d3e4f5a6b"));
  CHECK_FALSE(LooksLikeUuid("0198a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b "));
  CHECK_FALSE(LooksLikeUuid(""));
}

}  // namespace membridge::sync::mem0
