#include "sync/backfill/export_answer.hpp"

#include <string>

#include "tests/support/catch.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// As an export mapping asks: every property may be null.
json Asking(const json& properties) {
  json schema{{"type", "object"}, {"properties", json::object()}};
  for (const auto& [name, property] : properties.items()) {
    schema["properties"][name] = {{"anyOf", {property, {{"type", "null"}}}}, {"default", nullptr}, {"description", "…"}};
  }
  return schema;
}

const json kSchema = Asking({{"name", {{"type", "string"}, {"maxLength", 10}}},
                             {"years", {{"type", "integer"}}},
                             {"rate", {{"type", "number"}}},
                             {"remote", {{"type", "boolean"}}},
                             {"started", {{"type", "string"}, {"format", "date"}}},
                             {"level", {{"type", "string"}, {"enum", {"junior", "senior", "none"}}}},
                             {"skills", {{"type", "array"}, {"items", {{"type", "string"}}}}}});

json Values(const json& answer) {
  const auto read = ReadExportAnswer(answer, kSchema);
  if (!read) FAIL(read.error().message);
  return read->values;
}

std::string Problem(const json& answer) {
  const auto read = ReadExportAnswer(answer, kSchema);
  return read ? "none" : read.error().message;
}

}  // namespace

TEST_CASE("what an export does not say is left out, however it is spelled", "[export]") {
  CHECK(Values({{"name", nullptr}, {"years", nullptr}}) == json::object());
  for (const char* nothing : {"None", "none", "NULL", "null", "N/A", ""}) {
    CAPTURE(nothing);
    CHECK(Values({{"name", nothing}, {"started", nothing}, {"rate", nothing}}) == json::object());
  }
  CHECK(Values({{"skills", {"Python", nullptr, "None", "AWS"}}}) == json{{"skills", {"Python", "AWS"}}});
  // A list without elements says that there are none, and an enum may have a value of that name.
  CHECK(Values({{"skills", json::array()}}) == json{{"skills", json::array()}});
  CHECK(Values({{"level", "none"}}) == json{{"level", "none"}});
}

TEST_CASE("values that fit pass as they are", "[export]") {
  const json answer{{"name", "Ada"},           {"years", 8},        {"rate", 0.5},      {"remote", false},
                    {"started", "2024-05-01"}, {"level", "senior"}, {"skills", {"C++"}}};
  CHECK(Values(answer) == answer);
  CHECK(Values({{"years", 8.0}}).dump() == R"({"years":8})");
  CHECK(Values({{"rate", 3}}) == json{{"rate", 3}});
}

TEST_CASE("length and format are left to the mapping and its column", "[export]") {
  CHECK(Values({{"name", "Augusta Ada King"}}) == json{{"name", "Augusta Ada King"}});
  CHECK(Values({{"started", "last May"}}) == json{{"started", "last May"}});
}

TEST_CASE("keys that nobody asked for are dropped and counted", "[export]") {
  const auto read = ReadExportAnswer({{"name", "Ada"}, {"mood", "good"}, {"mem0_notice", "…"}}, kSchema);
  REQUIRE(read);
  CHECK(read->values == json{{"name", "Ada"}});
  CHECK(read->extra_keys == 2);
}

TEST_CASE("an answer in a wrapper is unwrapped", "[export]") {
  CHECK(Values({{"data", {{"name", "Ada"}}}}) == json{{"name", "Ada"}});
  CHECK(Values({{"result", {{"name", "Ada"}}}}) == json{{"name", "Ada"}});
  const auto read = ReadExportAnswer({{"data", {{"name", "Ada"}}}, {"more", 1}}, kSchema);
  REQUIRE(read);
  CHECK(read->extra_keys == 2);
}

TEST_CASE("a value of another type is refused by name and without the value", "[export]") {
  CHECK(Problem({{"years", "eight"}}) == "the export does not fit: \"years\" is string, asked for was integer");
  CHECK(Problem({{"years", 8.5}}) == "the export does not fit: \"years\" is number, asked for was integer");
  CHECK(Problem({{"remote", "yes"}}) == "the export does not fit: \"remote\" is string, asked for was boolean");
  CHECK(Problem({{"level", "boss"}}) ==
        "the export does not fit: \"level\" is another text, asked for was one of the values asked for");
  CHECK(Problem({{"skills", "Python"}, {"name", 7}}) ==
        "the export does not fit: \"name\" is number, asked for was string; \"skills\" is string, asked for was array");
  CHECK(Problem({{"skills", {{{"deep", 1}}}}}) == "the export does not fit: \"skills\" is array, asked for was array");
}

TEST_CASE("an answer that is no object is refused, and NUL goes", "[export]") {
  CHECK(Problem(json::array({1})) == "the export is array, not an object");
  CHECK(Problem("text") == "the export is string, not an object");
  CHECK(Problem(nullptr) == "the export is null, not an object");
  CHECK(Values({{"name", std::string("A\0da", 4)}}) == json{{"name", "Ada"}});
}

}  // namespace membridge::sync
