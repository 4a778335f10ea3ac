#include "sync/mem0/retry_after.hpp"

#include "sync/mem0/backoff.hpp"
#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

const Instant kNow = *ParseRfc3339("1994-11-06T08:49:07Z");

}  // namespace

TEST_CASE("Retry-After is read as seconds or as a date", "[mem0]") {
  const auto [header, expected] = GENERATE(table<std::string, std::optional<milliseconds>>({
      {"0", 0ms},
      {"120", 120s},
      {" 7\t", 7s},
      {"1.0", 1s},
      {"1.5", 2s},
      {"0.001", 1s},
      {"2.000", 2s},
      {"901", 15min},
      {"99999999999999999999", 15min},
      {"Sun, 06 Nov 1994 08:49:37 GMT", 30s},
      {"Sunday, 06-Nov-94 08:49:37 GMT", 30s},
      {"Sun Nov  6 08:49:37 1994", 30s},
      {"Sun, 06 Nov 1994 08:48:37 GMT", 0s},
      {"Sun, 06 Nov 2004 08:49:37 GMT", 15min},
      {"", std::nullopt},
      {"   ", std::nullopt},
      {"soon", std::nullopt},
      {"-1", std::nullopt},
      {"+5", std::nullopt},
      {"5s", std::nullopt},
      {"5 6", std::nullopt},
      {"1.", std::nullopt},
      {".5", std::nullopt},
      {"1e3", std::nullopt},
      {"0x10", std::nullopt},
      {"Sun, 99 Foo 1994 08:49:37 GMT", std::nullopt},
  }));
  CAPTURE(header);
  CHECK(ParseRetryAfter(header, kNow) == expected);
}

TEST_CASE("the time to wait is read from Django's sentence", "[mem0]") {
  CHECK(RetryAfterInWords("Request was throttled. Expected available in 12 seconds.") == milliseconds{12s});
  CHECK(RetryAfterInWords("Request was throttled. Expected available in 1 second.") == milliseconds{1s});
  CHECK(RetryAfterInWords("Request was throttled.") == std::nullopt);
  CHECK(RetryAfterInWords("available in two seconds") == std::nullopt);
  CHECK(RetryAfterInWords("available in 3 days") == std::nullopt);
}

TEST_CASE("each wait lies between the shortest and three times the one before, up to the longest", "[mem0]") {
  SECTION("at its largest") {
    Backoff backoff{{100ms, 1000ms}, [] { return 0.999'999'999; }};
    std::vector<std::int64_t> waits;
    for (int i = 0; i < 5; ++i) waits.push_back(backoff.Next().count());
    CHECK(waits == std::vector<std::int64_t>{299, 896, 1000, 1000, 1000});
    backoff.Reset();
    CHECK(backoff.Next() == 299ms);
  }
  SECTION("at its smallest") {
    Backoff backoff{{100ms, 1000ms}, [] { return 0.0; }};
    CHECK(backoff.Next() == 100ms);
    CHECK(backoff.Next() == 100ms);
  }
  SECTION("two of them do not fall into step") {
    Backoff one, other;
    std::vector<milliseconds> a, b;
    for (int i = 0; i < 8; ++i) {
      a.push_back(one.Next());
      b.push_back(other.Next());
    }
    CHECK(a != b);
  }
}

}  // namespace membridge::sync::mem0
