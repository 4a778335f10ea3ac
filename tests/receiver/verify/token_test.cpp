#include "receiver/verify/token.hpp"

#include <set>

#include "receiver/delivery_id.hpp"
#include "receiver/redaction.hpp"
#include "tests/support/catch.hpp"

using namespace membridge;
using namespace membridge::receiver;
using namespace std::chrono_literals;

namespace {

const Instant kNow{std::chrono::sys_days{std::chrono::year{2026} / 3 / 1}};
const ProjectId kCrm{"crm"};

}  // namespace

TEST_CASE("tokens are 43 characters of base64url, never the same", "[token]") {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) {
    const std::string token = MakeToken();
    CHECK(token.size() == 43);
    CHECK(token.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos);
    tokens.insert(token);
  }
  CHECK(tokens.size() == 1000);
}

TEST_CASE("a token is stored as its SHA-256", "[token]") {
  CHECK(HashToken("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("several tokens open a project, each in its time and only there", "[token]") {
  const TokenSet tokens{{
      {"t-1", kCrm, HashToken("one"), std::nullopt, std::nullopt},
      {"t-2", kCrm, HashToken("two"), std::nullopt, kNow},
      {"t-3", kCrm, HashToken("three"), kNow, kNow + 1h},
      {"t-4", ProjectId{"shop"}, HashToken("four"), std::nullopt, std::nullopt},
      {"t-5", kCrm, "not a hash", std::nullopt, std::nullopt},
  }};
  CHECK(tokens.Verify(kCrm, "one", kNow) == "t-1");
  CHECK(tokens.Verify(kCrm, "two", kNow - 1us) == "t-2");
  CHECK(tokens.Verify(kCrm, "two", kNow) == std::nullopt);
  CHECK(tokens.Verify(kCrm, "three", kNow - 1us) == std::nullopt);
  CHECK(tokens.Verify(kCrm, "three", kNow) == "t-3");
  CHECK(tokens.Verify(ProjectId{"shop"}, "four", kNow) == "t-4");
  CHECK(tokens.Verify(ProjectId{"shop"}, "one", kNow) == std::nullopt);
  CHECK(tokens.Verify(ProjectId{"nowhere"}, "one", kNow) == std::nullopt);
  CHECK(tokens.Verify(kCrm, "", kNow) == std::nullopt);
  CHECK(tokens.Verify(kCrm, "on", kNow) == std::nullopt);
  CHECK(tokens.Verify(kCrm, HashToken("one"), kNow) == std::nullopt);
  CHECK(TokenSet{}.Verify(kCrm, "one", kNow) == std::nullopt);
}

TEST_CASE("delivery ids are UUIDs of version 7 that sort by arrival", "[token]") {
  const std::string id = MakeDeliveryId(Instant{1'645'557'742'000'500us}).Text();
  CHECK(id.size() == 36);
  CHECK(id.starts_with("017f22e2-79b0-7800-"));
  CHECK(std::string{"89ab"}.find(id[19]) != std::string::npos);
  std::string before;
  for (int i = 0; i < 5000; ++i) {
    std::string next = MakeDeliveryId(kNow + std::chrono::microseconds{i}).Text();
    CHECK(before < next);
    before = std::move(next);
  }
}

TEST_CASE("credentials in headers are not stored, by name or by value", "[token]") {
  const nlohmann::json stored = RedactedHeaders({{"Content-Type", "application/json"},
                                                 {"AUTHORIZATION", "Basic abc"},
                                                 {"Cookie", "a=b"},
                                                 {"X-Webhook-Secret", "s"},
                                                 {"X-Mem0-Signature", "s"},
                                                 {"X-Api-Key", "s"},
                                                 {"X-Auth-Token", "s"},
                                                 {"Proxy-Authorization", "s"},
                                                 {"X-Original-URI", "/webhooks/crm/opensesame?x"},
                                                 {"Via", "a"},
                                                 {"via", "b"},
                                                 {"User-Agent", "caf\xe9"}},
                                                {"opensesame", ""});
  CHECK(stored == nlohmann::json{{"content-type", "application/json"},
                                 {"authorization", "[redacted]"},
                                 {"cookie", "[redacted]"},
                                 {"x-webhook-secret", "[redacted]"},
                                 {"x-mem0-signature", "[redacted]"},
                                 {"x-api-key", "[redacted]"},
                                 {"x-auth-token", "[redacted]"},
                                 {"proxy-authorization", "[redacted]"},
                                 {"x-original-uri", "[redacted]"},
                                 {"via", "a, b"},
                                 {"user-agent", "caf\xc3\xa9"}});
}
