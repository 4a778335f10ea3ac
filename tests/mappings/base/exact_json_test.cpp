#include "mappings/base/exact_json.hpp"

#include <string>
#include <vector>

#include "mappings/base/decimal.hpp"
#include "mappings/memory.hpp"
#include "tests/mappings/support.hpp"
#include "tests/support/catch.hpp"

// Numbers that no double and no int64 writes out as they stand.
namespace membridge::mappings {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string Again(const std::string& text) {
  return ExactText(ParseExact(text));
}

}  // namespace

TEST_CASE("a number is written as numeric writes it, with every digit", "[exact][M5]") {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"0", "0"},
      {"-0", "0"},
      {"-0.0", "0.0"},
      {"-0.00e3", "0"},
      {"1.10", "1.10"},
      {"1.50", "1.50"},
      {"-1.10", "-1.10"},
      {"100.0", "100.0"},
      {"1e3", "1000"},
      {"1E+3", "1000"},
      {"1.5e3", "1500"},
      {"1.50e1", "15.0"},
      {"100e-2", "1.00"},
      {"1e-7", "0.0000001"},
      {"0.0000001", "0.0000001"},
      {"-12e-1", "-1.2"},
      {"0e-5", "0.00000"},
      {"9223372036854775807", "9223372036854775807"},
      {"-9223372036854775808", "-9223372036854775808"},
      {"9223372036854775808", "9223372036854775808"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "18446744073709551616"},
      {"-9223372036854775809", "-9223372036854775809"},
      {"89014103211118510720", "89014103211118510720"},
      {"0.1", "0.1"},
      {"3.141592653589793238462643383279", "3.141592653589793238462643383279"},
      {"123456789.123456789123456789", "123456789.123456789123456789"},
      {"1e400", "1" + std::string(400, '0')},
      {"-1e-400", "-0." + std::string(399, '0') + "1"},
      {std::string(500, '7'), std::string(500, '7')},
  };
  for (const auto& [given, expected] : cases) {
    CAPTURE(given);
    CHECK(Again(given) == expected);
    CHECK(Again(expected) == expected);  // what PostgreSQL gives back is the same value
    CHECK(ParseExact(expected) == ParseExact(given));
    CHECK(Again("{\"a\":[" + given + ",\"x\"]}") == "{\"a\":[" + expected + ",\"x\"]}");
    CHECK(PlainDecimal(given) == expected);
  }
}

TEST_CASE("what is no number, or none that numeric can hold, is no JSON", "[exact][M5][M3]") {
  for (const std::string text : {"NaN", "Infinity", "-Infinity", "1e131072", "1e-16384", "1e99999999999999999999", "01", "1.",
                                 ".5", "+1", "-", "1e", "0x10", "1_000"}) {
    CAPTURE(text);
    CHECK(ParseExact(text).is_discarded());
    CHECK(ParseExact("[1," + text + "]").is_discarded());
    CHECK_FALSE(NumberFrom(text));
  }
  std::string bomb = "[1e131071";
  for (int i = 0; i < 20; ++i) bomb += ",1e131071";
  CHECK(ParseExact(bomb + "]").is_discarded());
}

TEST_CASE("numbers are found among texts that look like them", "[exact][M5]") {
  const std::string text = R"({"a\"1e999":"1e999","b":[-1e999,{"c":"\\"},2e-400],"d":1})";
  const json value = ParseExact(text);
  REQUIRE(value.is_object());
  CHECK(value["a\"1e999"] == "1e999");
  CHECK(value["b"][0] == *NumberFrom("-1e999"));
  CHECK(value["b"][2] == *NumberFrom("2e-400"));
  CHECK(value["d"] == 1);
}

TEST_CASE("exact numbers keep their place in every form of the document", "[exact][M5]") {
  const std::string text = R"({"z":1.10,"a":{"n":[89014103211118510720,null,true,"x"],"e":{},"l":[]}})";
  CHECK(ExactText(ParseExactInOrder(text)) == text);
  const ordered_json ordered = ParseExact(text);
  CHECK(ExactText(json(ordered)) == R"({"a":{"e":{},"l":[],"n":[89014103211118510720,null,true,"x"]},"z":1.10})");
  CHECK(ExactText(ParseExactInOrder(R"({"a":[1.10,{}],"b":{"c":1e3}})"), 2) ==
        "{\n  \"a\": [\n    1.10,\n    {}\n  ],\n  \"b\": {\n    \"c\": 1000\n  }\n}");
  CHECK(ExactText(json{{"a", 1}}, 2) == json{{"a", 1}}.dump(2));
  CHECK(ExactText(json::array({*NumberFrom("1.10"), "half \xff"})) == "[1.10,\"half \xEF\xBF\xBD\"]");
}

TEST_CASE("of a key that comes twice the last value counts, whatever stood there", "[exact][M3]") {
  CHECK(Again(R"({"a":{"b":1},"a":{"c":1.10}})") == R"({"a":{"c":1.10}})");
  CHECK(Again(R"({"a":[1,2],"a":1e3})") == R"({"a":1000})");
}

TEST_CASE("sums have the digits of both", "[exact][M5]") {
  const auto sum = [](const char* a, const char* b) { return ExactText(SumOf(*NumberFrom(a), *NumberFrom(b))); };
  CHECK(sum("0.1", "0.2") == "0.3");
  CHECK(sum("1.10", "-1.1") == "0.00");
  CHECK(sum("9223372036854775807", "1") == "9223372036854775808");
  CHECK(sum("-5", "3") == "-2");
  CHECK(sum("99.9", "0.10") == "100.00");
  CHECK(sum("89014103211118510720", "-89014103211118510719") == "1");
  CHECK(SumOf(1, "no number") == 1);
  CHECK(SumOf(nullptr, 2) == 2);
}

TEST_CASE("mappings see an exact number as a number", "[exact][functions][M5]") {
  const json data{
      {"memory", {{"metadata", ParseExact(R"({"big":89014103211118510720,"price":1.10,"zero":0.00,"list":[1.10,1.10,2]})")}}}};
  const auto shown = [&](const std::string& expression) {
    const Value value = test::Evaluated(expression, data);
    return value ? ExactText(*value) : "missing";
  };
  CHECK(shown("memory.metadata.big") == "89014103211118510720");
  CHECK(shown("memory.metadata.big | replace('0$', 'x')") == "\"8901410321111851072x\"");
  CHECK(shown("memory.metadata.big | length") == "20");
  CHECK(shown("memory.metadata.big | is('89014103211118510720')") == "true");
  CHECK(shown("memory.metadata.price | number") == "1.10");
  CHECK(shown("memory.metadata.price | join(',')") == "\"1.10\"");
  CHECK(shown("memory.metadata.list | join(',')") == "\"1.10,1.10,2\"");
  CHECK(shown("memory.metadata.list | unique") == "[1.10,2]");
  CHECK(shown("memory.metadata.list | has('1.10')") == "true");
  CHECK(shown("memory.metadata.zero | not") == "true");
  CHECK(shown("memory.metadata.price | not") == "false");
  CHECK(shown("memory | sha256") != shown("memory.metadata.list | sha256"));
}

TEST_CASE("a memory whose number changes beyond a double's digits is another one", "[exact][memory][M5]") {
  const auto digest = [](const char* number) {
    return DigestOf(*ReadMemory(
        ParseExact(std::string{R"({"id":"m","updated_at":"2026-01-01T00:00:00Z","metadata":{"n":)"} + number + "}}")));
  };
  CHECK(digest("89014103211118510720") != digest("89014103211118510721"));
  CHECK(digest("1.10") != digest("1.1"));
  CHECK(digest("1e3") == digest("1000"));
}

}  // namespace membridge::mappings
