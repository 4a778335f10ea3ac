// What stands before the admin API: the limit on failed logins, and other sites' pages.
#include "admin/api/origin.hpp"
#include "admin/api/throttle.hpp"
#include "tests/support/catch.hpp"

using namespace membridge::admin::api;
using namespace std::chrono_literals;

namespace {

struct Guarded {
  std::chrono::steady_clock::time_point now{100h};
  Throttle throttle{{.per_source = 3, .in_all = 5, .window = 60s, .remembered = 3600s, .most_sources = 4},
                    [this] { return now; }};

  void Fail(const std::string& source, int times) {
    for (int i = 0; i < times; ++i) throttle.NoteFailure(source);
  }
};

}  // namespace

TEST_CASE("an address that fails too often is shut out for the rest of the minute", "[api][throttle]") {
  Guarded g;
  g.Fail("192.0.2.7", 2);
  CHECK_FALSE(g.throttle.ShutOut("192.0.2.7"));
  g.now += 20s;
  g.Fail("192.0.2.7", 1);
  CHECK(g.throttle.ShutOut("192.0.2.7") == 40s);
  CHECK_FALSE(g.throttle.ShutOut("192.0.2.8"));
  g.throttle.NoteSuccess("192.0.2.7");
  CHECK(g.throttle.ShutOut("192.0.2.7"));
  g.now += 40s;
  CHECK_FALSE(g.throttle.ShutOut("192.0.2.7"));
  g.Fail("192.0.2.7", 1);
  CHECK_FALSE(g.throttle.ShutOut("192.0.2.7"));
}

TEST_CASE("failures of many addresses shut out strangers, and not those who signed in lately", "[api][throttle]") {
  Guarded g;
  g.throttle.NoteSuccess("198.51.100.1");
  for (const char* source : {"192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5"}) g.Fail(source, 1);
  CHECK(g.throttle.ShutOut("203.0.113.9") == 60s);
  CHECK_FALSE(g.throttle.ShutOut("198.51.100.1"));
  g.now += 60s;
  CHECK_FALSE(g.throttle.ShutOut("203.0.113.9"));
}

TEST_CASE("addresses are forgotten before they fill the memory", "[api][throttle]") {
  Guarded g;
  g.Fail("192.0.2.1", 3);
  g.now += 30s;
  for (const char* source : {"192.0.2.2", "192.0.2.3", "192.0.2.4"}) g.Fail(source, 1);
  g.now += 30s;
  g.Fail("192.0.2.5", 1);  // room is made by forgetting the one whose minute is over
  CHECK_FALSE(g.throttle.ShutOut("192.0.2.1"));
  g.Fail("192.0.2.2", 2);
  CHECK(g.throttle.ShutOut("192.0.2.2"));
}

TEST_CASE("a page of another site is told from programs and from our own page", "[api][origin]") {
  using Headers = std::vector<membridge::receiver::http::Header>;
  const auto [headers, is_cross_site] = GENERATE(table<Headers, bool>({
      {{{"Host", "bridge:8081"}}, false},
      {{{"Host", "bridge:8081"}, {"Sec-Fetch-Site", "same-origin"}, {"Origin", "http://bridge:8081"}}, false},
      {{{"Host", "bridge:8081"}, {"Sec-Fetch-Site", "none"}}, false},
      {{{"Host", "bridge.example.com"}, {"Origin", "https://bridge.example.com"}}, false},
      {{{"Host", "bridge.example.com"}, {"Origin", "https://BRIDGE.example.com:443"}}, false},
      {{{"Host", "bridge.example.com:443"}, {"Origin", "https://bridge.example.com"}}, false},
      {{{"Host", "[::1]:8081"}, {"Origin", "http://[::1]:8081"}}, false},
      {{{"Host", "bridge:8081"}, {"Sec-Fetch-Site", "cross-site"}}, true},
      {{{"Host", "bridge:8081"}, {"Sec-Fetch-Site", "same-site"}}, true},
      {{{"Host", "bridge:8081"}, {"Sec-Fetch-Site", ""}}, true},
      {{{"Host", "bridge:8081"}, {"Origin", "http://evil.example"}}, true},
      {{{"Host", "bridge:8081"}, {"Origin", "http://bridge:8082"}}, true},
      {{{"Host", "bridge:8081"}, {"Origin", "null"}}, true},
      {{{"Host", "bridge:8081"}, {"Origin", "http://bridge:8081.evil.example"}}, true},
      {{{"Host", "bridge:8081"}, {"Origin", "file://bridge:8081"}}, true},
      {{{"Origin", "http://bridge:8081"}}, true},
  }));
  CAPTURE(headers.size(), headers.back().value);
  membridge::receiver::http::Request request;
  request.headers = headers;
  CHECK(IsCrossSite(request) == is_cross_site);
}
