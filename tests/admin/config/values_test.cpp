#include "admin/config/values.hpp"

#include <chrono>

#include "tests/support/catch.hpp"

namespace membridge::admin {
namespace {

using std::chrono::milliseconds;

TEST_CASE("a duration is a number with its unit, and nothing else is", "[admin][config]") {
  const auto [text, expected] = GENERATE(table<std::string, std::optional<milliseconds>>({
      {"250ms", milliseconds{250}},
      {"30s", milliseconds{30'000}},
      {"5m", milliseconds{300'000}},
      {"12h", milliseconds{43'200'000}},
      {"30d", milliseconds{2'592'000'000}},
      {"0s", milliseconds{0}},
      {"30", std::nullopt},
      {"", std::nullopt},
      {"s", std::nullopt},
      {"-1s", std::nullopt},
      {"1.5s", std::nullopt},
      {"30 s", std::nullopt},
      {"30sec", std::nullopt},
      {"99999999999999999999s", std::nullopt},
      {"9223372036854775807d", std::nullopt},
  }));
  CAPTURE(text);
  CHECK(ParseDuration(text) == expected);
}

TEST_CASE("a size is a number with its unit", "[admin][config]") {
  const auto [text, expected] = GENERATE(table<std::string, std::optional<std::size_t>>({
      {"4096B", 4096U},
      {"512KiB", 524288U},
      {"1MiB", 1048576U},
      {"2GiB", 2147483648U},
      {"1MB", std::nullopt},
      {"1048576", std::nullopt},
      {"MiB", std::nullopt},
      {"18446744073709551615GiB", std::nullopt},
  }));
  CAPTURE(text);
  CHECK(ParseSize(text) == expected);
}

TEST_CASE("an address has a host and a port", "[admin][config]") {
  const auto [text, host, port] = GENERATE(table<std::string, std::string, int>({
      {"127.0.0.1:8080", "127.0.0.1", 8080},
      {"[::1]:8080", "::1", 8080},
      {"localhost:0", "localhost", 0},
      {"0.0.0.0:65535", "0.0.0.0", 65535},
      {"127.0.0.1", "", -1},
      {":8080", "", -1},
      {"::1:8080", "", -1},
      {"localhost:65536", "", -1},
      {"localhost:80x", "", -1},
      {"localhost:", "", -1},
  }));
  CAPTURE(text);
  const auto address = ParseListenAddress(text);
  REQUIRE(address.has_value() == (port >= 0));
  if (address) {
    CHECK(address->host == host);
    CHECK(address->port == port);
  }
}

TEST_CASE("variables are the only substitution", "[admin][config]") {
  const Environment environment = [](const std::string& name) -> std::optional<std::string> {
    if (name == "WHO") return "world";
    if (name == "NESTED") return "${WHO}";
    return std::nullopt;
  };
  const auto [text, expected] = GENERATE(table<std::string, std::optional<std::string>>({
      {"hello ${WHO}!", "hello world!"},
      {"${WHO}${WHO}", "worldworld"},
      {"$WHO $(WHO) $$", "$WHO $(WHO) $$"},
      {"${NESTED}", "${WHO}"},
      {"", ""},
      {"${ABSENT}", std::nullopt},
      {"${WHO:-x}", std::nullopt},
      {"${}", std::nullopt},
      {"${WHO", std::nullopt},
  }));
  CAPTURE(text);
  mappings::Diagnostics problems;
  CHECK(Substitute(text, {"f", 1, 1}, environment, problems) == expected);
  CHECK(problems.HasErrors() == !expected.has_value());
}

}  // namespace
}  // namespace membridge::admin
