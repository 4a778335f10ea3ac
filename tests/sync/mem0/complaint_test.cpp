#include "sync/mem0/complaint.hpp"

#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("Mem0's words are found in every shape its errors take", "[mem0]") {
  const auto [body, text] = GENERATE(table<std::string, std::string>({
      {R"({"detail":"Invalid API key."})", "Invalid API key."},
      {R"({"message":"Schema is required"})", "Schema is required"},
      {R"({"error":"Memory not found!"})", "Memory not found!"},
      {R"({"error":"400 Bad Request","details":{"message":"messages is required"}})", "400 Bad Request: messages is required"},
      {R"({"detail":"first","message":"second","error":"third"})", "first"},
      {R"({"message":"second","error":"third"})", "second"},
      {R"({"detail":"","message":"second"})", "second"},
      {R"({"detail":null,"error":"third"})", "third"},
      {R"({"detail":["a","b"]})", "a; b"},
      {R"({"detail":{"page":["not a number"]}})", "page: not a number"},
      {R"({"errors":{"url":["Enter a valid URL."],"name":"Too long."}})", "name: Too long.; url: Enter a valid URL."},
      {R"({"errors":["one","two"]})", "one; two"},
      {R"({"name":["This field is required."]})", "name: This field is required."},
      {R"({"filters":{"AND":["unknown key 'x'"]}})", "filters: AND: unknown key 'x'"},
      {R"(["Not a valid string.","Again."])", "Not a valid string.; Again."},
      {R"([{"name":["required"]}])", "name: required"},
      {R"({})", ""},
      {R"({"code":17})", ""},
      {R"("just text")", ""},
      {"<html><body>502 Bad Gateway: Ada likes tea</body></html>", ""},
      {"", ""},
      {R"({"detail":"cut o)", ""},
  }));
  CAPTURE(body);
  CHECK(ReadComplaint(body).text == text);
}

TEST_CASE("an error keyed by field keeps the fields apart", "[mem0]") {
  const Complaint complaint = ReadComplaint(
      R"({"url":["Enter a valid URL.","Too long."],"event_types":{"0":["\"memory_foo\" is not a valid choice."]},"n":1})");
  CHECK(complaint.fields == std::map<std::string, std::string>{{"url", "Enter a valid URL.; Too long."},
                                                               {"event_types", "0: \"memory_foo\" is not a valid choice."}});
  CHECK(complaint.from_mem0);
  CHECK(ReadComplaint(R"({"detail":"x"})").fields.empty());
}

TEST_CASE("an answer that is no JSON object or array is a proxy's", "[mem0]") {
  CHECK_FALSE(ReadComplaint("<html>").from_mem0);
  CHECK_FALSE(ReadComplaint("").from_mem0);
  CHECK_FALSE(ReadComplaint("404").from_mem0);
  CHECK(ReadComplaint("{}").from_mem0);
  CHECK(ReadComplaint("[]").from_mem0);
}

TEST_CASE("an error text is one short line, whatever it was", "[mem0]") {
  CHECK(OneLine("a\r\nb\t\tc  d", 100) == "a b c d");
  CHECK(OneLine("  \x1B[31mred\x7F ", 100) == "[31mred");
  CHECK(OneLine("a\xC2\x85"
                "b\xE2\x80\xAE"
                "c",
                100) == "a b c");
  CHECK(OneLine("caf\xC3\xA9 \xFF\xC3", 100) == "caf\xC3\xA9 \xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(OneLine("\xED\xA0\x80", 100) == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  CHECK(OneLine("12345", 5) == "12345");
  CHECK(OneLine("123456", 5) == "12\xE2\x80\xA6");
  CHECK(OneLine("1\xC3\xA9\xC3\xA9\xC3\xA9", 6) == "1\xC3\xA9\xE2\x80\xA6");
  CHECK(OneLine("", 5).empty());
  const std::string huge = ReadComplaint("{\"detail\":\"" + std::string(100'000, 'x') + "\"}").text;
  CHECK(huge.size() <= kComplaintBytes);
  CHECK(huge.ends_with("\xE2\x80\xA6"));
}

TEST_CASE("an error that nests without end is nobody's words", "[mem0]") {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  CHECK(ReadComplaint(deep).text.empty());
  CHECK(ReadComplaint("{\"detail\":" + deep + "}").text.empty());
}

}  // namespace membridge::sync::mem0
