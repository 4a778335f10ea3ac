#include "mappings/base/time.hpp"

#include "tests/support/catch.hpp"

namespace membridge {

TEST_CASE("a time with any offset becomes the same UTC moment", "[time]") {
  const auto [text, utc] = GENERATE(table<std::string, std::string>({
      {"2026-03-01T09:12:44Z", "2026-03-01T09:12:44.000000Z"},
      {"2025-02-18T22:59:56.804993-08:00", "2025-02-19T06:59:56.804993Z"},
      {"2026-03-01T09:12:44.5+05:30", "2026-03-01T03:42:44.500000Z"},
      {"2026-03-01T09:12:44.123456789Z", "2026-03-01T09:12:44.123456Z"},
      {"2026-03-01 09:12:44+00", "2026-03-01T09:12:44.000000Z"},
      {"2026-03-01T09:12:44", "2026-03-01T09:12:44.000000Z"},
  }));
  CAPTURE(text);
  const auto instant = ParseRfc3339(text);
  REQUIRE(instant);
  CHECK(FormatRfc3339(*instant) == utc);
}

TEST_CASE("what is not a time is nothing", "[time]") {
  const auto* const text =
      GENERATE("", "yesterday", "2026-02-30T00:00:00Z", "2026-03-01", "2026-03-01T25:00:00Z", "2026-03-01T09:12:44.Z",
               "2026-03-01T09:12:44+25:00", "2026-03-01T09:12:44Z ", "2026-3-1T09:12:44Z");
  CAPTURE(text);
  CHECK_FALSE(ParseRfc3339(text));
}

TEST_CASE("a day must exist", "[time]") {
  CHECK(FormatDay(ParseDay("2024-02-29").value()) == "2024-02-29");
  CHECK_FALSE(ParseDay("2026-02-29"));
  CHECK_FALSE(ParseDay("2026-03-01T00:00:00Z"));
}

}  // namespace membridge
