#include "sync/mem0/answer.hpp"

#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("a page is read with its count and its link", "[mem0]") {
  const auto list =
      ParseList(R"({"count":3,"next":"https://api.mem0.ai/x?page=2","previous":null,"results":[{"id":"a"},{"id":"b"}]})");
  REQUIRE(list);
  CHECK(list->results.size() == 2);
  CHECK(list->broken.empty());
  CHECK(list->count == 3);
  CHECK(list->next == "https://api.mem0.ai/x?page=2");
}

TEST_CASE("a bare array is a whole list", "[mem0]") {
  const auto list = ParseList(" [1, 2] ");
  REQUIRE(list);
  CHECK(list->results.size() == 2);
  CHECK_FALSE(list->count);
  CHECK_FALSE(list->next);
}

TEST_CASE("what is no list is no empty list", "[mem0]") {
  const auto body =
      GENERATE(as<std::string>{}, "", "{}", "null", "7", "\"results\"", R"({"results":null})", R"({"results":{}})",
               R"({"x":{"results":[1]}})", "<html>", R"({"a":"results","b":[1},)", "\"", "{\"results\"", R"({"results":)");
  CAPTURE(body);
  CHECK_FALSE(ParseList(body));
}

TEST_CASE("one bad record does not spoil the others", "[mem0][M3]") {
  const std::string deep = std::string(5'000, '[') + std::string(5'000, ']');
  const auto bad =
      GENERATE_COPY(as<std::string>{}, R"({"id":"x","memory":"\ud800"})", "{\"id\":\"x\",\"memory\":\"\xFF\"}",
                    R"({"id":"x","n":1e999999})", R"({"a":{"id":"y"},"id":"x","n":NaN})", R"({"score":-Infinity, "id" : "x"})",
                    R"({"id":"x","m":)" + deep + "}", R"({"id":"x","m":"a,b]}\"",})", "NaN");
  CAPTURE(bad.substr(0, 60));
  const std::string page =
      R"({"note":"results","other":[1],"count":3,"results":[{"id":"a","m":"]"}, )" + bad + R"( ,{"id":"b"}],"next":"/n"})";
  for (const std::string& text : {page, R"([{"id":"a"},)" + bad + R"(,{"id":"b"}])"}) {
    const auto list = ParseList(text);
    REQUIRE(list);
    REQUIRE(list->results.size() == 2);
    CHECK(list->results[0]["id"] == "a");
    CHECK(list->results[1]["id"] == "b");
    CHECK(list->broken == std::vector<std::string>{bad == "NaN" ? "" : "x"});
  }
  CHECK(ParseList(page)->count == 3);
  CHECK(ParseList(page)->next == "/n");
}

TEST_CASE("an answer may nest, within reason", "[mem0]") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(ParseJson(nested(kDeepest)));
  CHECK_FALSE(ParseJson(nested(kDeepest + 1)));
  CHECK_FALSE(ParseJson(nested(1'000'000)));
  CHECK(ParseJson("\"" + nested(1'000) + "\""));
}

TEST_CASE("an error about an answer repeats nothing of it", "[mem0]") {
  const auto parsed = ParseJson(R"({"memory":"Ada likes tea)");
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().message == "the answer is not JSON");
}

}  // namespace membridge::sync::mem0
