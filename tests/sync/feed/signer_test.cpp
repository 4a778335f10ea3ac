#include "sync/feed/signer.hpp"

#include "sync/feed/endpoint.hpp"
#include "sync/feed/poster.hpp"
#include "tests/support/catch.hpp"

namespace membridge::test {

using sync::Signer;

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kKeyPair = "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==";

}  // namespace

TEST_CASE("messages are signed as Standard Webhooks' own vectors are", "[feed]") {
  const std::string id = "msg_p5jXN8AQM9LWM0D4loKWxJek";
  const std::string body = R"({"test": 2432232314})";
  const std::string v1 = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
  const std::string v1a = "v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg==";
  CHECK(Signer::From({kSecret})->Sign(id, "1614265330", body) == v1);
  CHECK(Signer::From({"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})->Sign(id, "1614265330", body) == v1);
  CHECK(Signer::From({kKeyPair})->Sign(id, "1614265330", body) == v1a);
  // While secrets are rotated, a message carries a signature by each of them.
  CHECK(Signer::From({kSecret, kKeyPair})->Sign(id, "1614265330", body) == v1 + " " + v1a);
  CHECK(Signer::From({"whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"})
            ->Sign("msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", "1649367553", R"({"email":"test@example.com","username":"test_user"})") ==
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=");
}

TEST_CASE("what is no secret is refused by its place, and never shown", "[feed]") {
  const auto text = GENERATE(
      as<std::string>{}, "", "whsec_", "whsec_%", "whsec_wronglength", "whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4=",
      "whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kv", "whsec_c2hvcnQ=",
      // The two halves do not belong together.
      "whsk_AAAAdCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg==");
  CAPTURE(text);
  const auto signer = Signer::From({kSecret, text});
  REQUIRE_FALSE(signer);
  CHECK(signer.error().message.starts_with("secret 2 is "));
  CHECK((text.size() < 7 || signer.error().message.find(text.substr(6)) == std::string::npos));
  CHECK_FALSE(Signer::From({}));
}

TEST_CASE("an endpoint's address is http or https, and only its host is shown", "[feed]") {
  CHECK(sync::ProblemWithEndpoint("https://hooks.example.com/a/secret?b=c").empty());
  CHECK(sync::ProblemWithEndpoint("http://127.0.0.1:8080/").empty());
  for (const char* wrong : {"", "hooks.example.com", "ftp://example.com/x", "file:///etc/passwd", "https://u:p@example.com/",
                            "https://example.com/#x"}) {
    CAPTURE(wrong);
    CHECK_FALSE(sync::ProblemWithEndpoint(wrong).empty());
  }
  CHECK(sync::ShownAddress("https://hooks.example.com/a/secret?b=c") == "https://hooks.example.com");
  CHECK(sync::ShownAddress("http://127.0.0.1:8080/x") == "http://127.0.0.1:8080");
}

TEST_CASE("waits between attempts grow from seconds to a day, and end after days", "[feed]") {
  std::chrono::seconds all{0};
  std::chrono::seconds last{0};
  int attempts = 1;
  for (; const auto wait = sync::WaitAfter(attempts); ++attempts) {
    CHECK(*wait > last);
    last = *wait;
    all += *wait;
  }
  CHECK(attempts > 10);
  CHECK(sync::WaitAfter(1) == std::chrono::seconds{5});
  CHECK(last == std::chrono::hours{24});
  CHECK(all > std::chrono::days{3});
}

}  // namespace membridge::test
