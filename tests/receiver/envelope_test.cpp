#include "receiver/envelope.hpp"

#include <fmt/format.h>

#include "sync/inbox/announcement.hpp"
#include "tests/support/catch.hpp"

using membridge::receiver::Envelope;
using membridge::receiver::kMaxDepth;
using membridge::receiver::ReadEnvelope;

namespace {

std::string MemoriesOf(const Envelope& envelope) {
  std::string all;
  for (const auto& hint : envelope.hints) all += (all.empty() ? "" : " ") + hint.memory.Text();
  return all;
}

}  // namespace

TEST_CASE("the memory and the event are found in every shape seen", "[envelope]") {
  const auto [body, memories, verdict] = GENERATE(table<std::string, std::string, std::string>({
      // documented
      {R"({"event_details":{"id":"m-1","data":{"memory":"Name is Alex"},"event":"ADD"}})", "m-1", "add"},
      {R"({"event_details":{"id":"m-1","data":{"memory":"x"},"event":"UPDATE"}})", "m-1", "update"},
      {R"({"event_details":{"id":"m-1","data":null,"event":"DELETE"}})", "m-1", "delete"},
      {R"({"event_details":{"event":"CATEGORIZE","memory_id":"m-1","categories":["a","b"]}})", "m-1", "categorize"},
      {R"({"event_details":{"id":"ea925981-272f-40dd-b576-be64e4871429","event":"ADD"}})", "ea925981-272f-40dd-b576-be64e4871429",
       "add"},
      {R"({"event_details":{"id":"a1b2c3d4-e5f6-4g7h-8i9j-k0l1m2n3o4p5","event":"ADD"}})", "a1b2c3d4-e5f6-4g7h-8i9j-k0l1m2n3o4p5",
       "add"},
      // historic and believed
      {R"({"id":"m-1","data":{"memory":"x"},"event":"ADD"})", "m-1", "add"},
      {R"({"event":"memory_add","memory_id":"m-1","user_id":"u","memory":"x","timestamp":"t"})", "m-1", "add"},
      {R"({"event":"memory:update","memory_id":"m-1"})", "m-1", "update"},
      {R"({"event":"memory.add","data":{"id":"m-1"},"signature":"s"})", "m-1", "add"},
      {R"({"event_type":"memory_delete","webhook_id":"wh","project_id":"p","data":{"memory_id":"m-1","memory":"x","user_id":"u"}})",
       "m-1", "delete"},
      {R"({"event":"memory.created","memory_id":"m-1"})", "m-1", "add"},
      {R"({"EVENT":"Memory_Add","Memory_Id":"m-1"})", "m-1", "add"},
      {R"({"user_id":"u","event_details":{"id":"m-1","event":"ADD"}})", "m-1", "add"},
      {R"({"event_details":{"event":"CATEGORIZE","id":"other","memory_id":"m-1"}})", "m-1", "categorize"},
      // batches
      {R"([{"event_details":{"id":"m-1","event":"ADD"}},{"id":"m-2","event":"DELETE"}])", "m-1 m-2", "mixed"},
      {R"([{"id":"m-1","event":"ADD"},{"id":"m-1","event":"UPDATE"},7,null,"x",[{"id":"m-9"}]])", "m-1", "add"},
      {R"({"event_details":[{"id":"m-1","event":"ADD"},{"id":"m-2","event":"ADD"}]})", "m-1 m-2", "add"},
      {R"({"events":[{"id":"m-1","event":"ADD"}],"id":"batch-7"})", "m-1", "add"},
      // unknown events are hints all the same
      {R"({"event_details":{"id":"m-1","event":"MERGE"}})", "m-1", "other"},
      {R"({"event_details":{"id":"m-1"}})", "m-1", "other"},
      {R"({"event_details":{"id":"m-1","event":7}})", "m-1", "other"},
      // nothing to learn
      {R"({"event":"ingest_job_completed","id":"job-1"})", "", "uninterpretable"},
      {R"({"event":"ADD"})", "", "uninterpretable"},
      {R"({"event_details":{"id":17,"event":"ADD"}})", "", "uninterpretable"},
      {R"({"event_details":"m-1"})", "", "uninterpretable"},
      {R"({"other":{"id":"m-1","event":"ADD"}})", "", "uninterpretable"},
      {"{}", "", "uninterpretable"},
      {"[]", "", "uninterpretable"},
      {"null", "", "uninterpretable"},
      {"17", "", "uninterpretable"},
      {R"("m-1")", "", "uninterpretable"},
      {" \r\n\t{} ", "", "uninterpretable"},
  }));
  CAPTURE(body);
  const Envelope envelope = ReadEnvelope(body);
  CHECK(envelope.is_json);
  CHECK(MemoriesOf(envelope) == memories);
  CHECK(envelope.Verdict() == verdict);
}

TEST_CASE("a memory is known by one spelling of its UUID, and other ids are kept as they are", "[envelope]") {
  const auto [body, memories] = GENERATE(table<std::string, std::string>({
      {R"({"event_details":{"id":"EA925981-272F-40DD-B576-BE64E4871429","event":"ADD"}})",
       "ea925981-272f-40dd-b576-be64e4871429"},
      {R"({"event_details":{"memory_id":"Ea925981-272f-40DD-b576-be64e4871429","event":"CATEGORIZE"}})",
       "ea925981-272f-40dd-b576-be64e4871429"},
      {R"([{"id":"EA925981-272F-40DD-B576-BE64E4871429"},{"id":"ea925981-272f-40dd-b576-be64e4871429"}])",
       "ea925981-272f-40dd-b576-be64e4871429"},
      {R"({"id":"EA925981-272F-40DD-B576-BE64E487142G"})", "EA925981-272F-40DD-B576-BE64E487142G"},
      {R"({"id":"Note-7"})", "Note-7"},
  }));
  CAPTURE(body);
  CHECK(MemoriesOf(ReadEnvelope(body)) == memories);
}

TEST_CASE("an id of another form is no hint", "[envelope]") {
  const std::string id = GENERATE("", "../m-1", "-m", "_m", "m 1", "m/1", "m\\u0000", "m\\u00e9", "m'1", "m%41", "m.1", "*");
  CAPTURE(id);
  const Envelope envelope = ReadEnvelope(R"({"event_details":{"id":")" + id + R"(","event":"ADD"}})");
  CHECK(envelope.is_json);
  CHECK(envelope.hints.empty());
}

TEST_CASE("an id may have 128 characters", "[envelope]") {
  CHECK(ReadEnvelope(R"({"id":")" + std::string(128, 'a') + R"("})").hints.size() == 1);
  CHECK(ReadEnvelope(R"({"id":")" + std::string(129, 'a') + R"("})").hints.empty());
}

TEST_CASE("what is not JSON is told apart", "[envelope]") {
  const std::string body =
      GENERATE(as<std::string>{}, "", " ", "{", "}", "{\"a\":}", "{'a':1}", "[1,]", "{\"a\":1}x", "{}{}", "nul", "NaN", "01",
               "1.", "+1", "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"a\nb\"", "\"\\x\"", "id=m-1&event=ADD", "<xml/>",
               "1e999x", "[1e999,01]", "[1e999,1e]", "[1e999", "\x1f\x8b\x08", "[1e999, --1]");
  CAPTURE(body);
  CHECK_FALSE(ReadEnvelope(body).is_json);
}

TEST_CASE("a NUL byte does not end the document", "[envelope]") {
  CHECK_FALSE(ReadEnvelope(std::string("{}\0", 3)).is_json);
  CHECK_FALSE(ReadEnvelope(std::string("{\"id\":\"m-1\"}\0{", 14)).is_json);
  CHECK_FALSE(ReadEnvelope(std::string("\0", 1)).is_json);
}

TEST_CASE("numbers of any size are JSON", "[envelope]") {
  const std::string number = GENERATE("1e999", "-1E+400", "1e-999", "123456789012345678901234567890", "0.1e5000");
  CAPTURE(number);
  const Envelope envelope =
      ReadEnvelope(R"({"event_details":{"id":"m-1e999","event":"ADD","n":)" + number + R"(,"s":"\"1e999"}})");
  CHECK(envelope.is_json);
  CHECK(MemoriesOf(envelope) == "m-1e999");
  CHECK(ReadEnvelope("[" + std::string(500, '9') + "]").is_json);
}

TEST_CASE("what a delivery announces is hashed: the text of an ADD or UPDATE, the labels of a CATEGORIZE", "[envelope]") {
  using membridge::sync::HashOfLabels;
  using membridge::sync::HashOfText;
  const auto [body, announced] = GENERATE(table<std::string, std::string>({
      {R"({"event_details":{"id":"m-1","data":{"memory":"Name is Alex"},"event":"ADD"}})", HashOfText("Name is Alex")},
      {R"({"event_details":{"id":"m-1","event":"UPDATE","data":{"memory":"\u00e9"}}})", HashOfText("\xc3\xa9")},
      {R"({"id":"m-1","event":"memory_update","memory":""})", HashOfText("")},
      {R"({"event_details":{"event":"CATEGORIZE","memory_id":"m-1","categories":["travel","hobbies"]}})",
       HashOfLabels({"hobbies", "travel"})},
      {R"({"event":"CATEGORIZE","data":{"id":"m-1","categories":["x",["y"],{"z":"z"}],"memory":"text"}})", HashOfLabels({"x"})},
      {R"({"event_details":{"id":"m-1","data":{"memory":"x"},"event":"DELETE"}})", ""},
      {R"({"event_details":{"id":"m-1","data":{"memory":"x"},"event":"CATEGORIZE"}})", ""},
      {R"({"event_details":{"id":"m-1","data":{"memory":["x"]},"event":"ADD"}})", ""},
      {R"({"event_details":{"id":"m-1","data":{"metadata":{"memory":"x"}},"event":"ADD"}})", ""},
      {R"({"event_details":{"id":"m-1","event":"ADD"}})", ""},
  }));
  CAPTURE(body);
  const auto hints = ReadEnvelope(body).hints;
  REQUIRE(hints.size() == 1);
  CHECK(hints[0].announced == announced);
}

TEST_CASE("deep nesting is JSON, is not looked into, and costs no stack", "[envelope]") {
  const auto nested = [](std::size_t depth, const std::string& inner) {
    return std::string(depth, '[') + inner + std::string(depth, ']');
  };
  CHECK(ReadEnvelope(nested(100'000, "")).is_json);
  CHECK_FALSE(ReadEnvelope(std::string(100'000, '[')).is_json);
  CHECK_FALSE(ReadEnvelope(nested(100'000, "") + "]").is_json);
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += R"({"event_details":)";
  CHECK(ReadEnvelope(objects + "1" + std::string(100'000, '}')).is_json);

  const auto with_depth = [&](std::size_t depth) {
    return ReadEnvelope(R"({"id":"m-1","metadata":)" + nested(depth - 1, "1") + "}");
  };
  CHECK(with_depth(kMaxDepth).hints.size() == 1);
  CHECK(with_depth(kMaxDepth + 1).is_json);
  CHECK(with_depth(kMaxDepth + 1).hints.empty());
}

TEST_CASE("what JSON's grammar allows is JSON, and the memory in it is found", "[R3][envelope]") {
  const std::string oddity = GENERATE(
      as<std::string>{},
      // halves of surrogate pairs, in every place and order
      R"("Lives in Rome \ud83d")", R"("\ud83d")", R"("\udE00")", R"("\ude00\ud83d")", R"("\ud83d\ud83d\ude00")",
      R"("\ud83dx\ude00")", R"("\uD83D\n\uDE00")", R"("\ud83d\u0041")", R"("\ud83d\\ude00")", R"("\\\ud83d")",
      R"({"\ud83d":"\ud83d"})", R"(["\udfff\udfff"])",
      // escapes that are whole
      R"("\ud83d\ude00")", R"("\\ud83d")", R"("\u0000")", R"("\uffff\ufffe")", R"("\/\b\f\n\r\t\"\\")",
      // numbers
      "1e999", "-1E+400", "-0", "-0.0e-0", "89014103211118510720", "123456789012345678901234567890.5", R"(["\ud83d",1e999])",
      // text
      "\"\x7f\"", "\"\xef\xbf\xbf\"", "\"\xf4\x8f\xbf\xbf\"", "\"\xe2\x80\xa8\"", "\"\"",
      // structure
      R"({"":{"":[[],{}]}})", R"({"a":1,"a":2})", " \t\r\n [ \t\r\n ] ");
  CAPTURE(oddity);
  const std::string body = R"({"event_details":{"id":"m-1","data":{"memory":)" + oddity + R"(},"event":"ADD"}})";
  const Envelope envelope = ReadEnvelope(body);
  CHECK(envelope.is_json);
  CHECK(MemoriesOf(envelope) == "m-1");
  CHECK(envelope.Verdict() == "add");
  CHECK(ReadEnvelope("\xef\xbb\xbf" + body).is_json);  // RFC 8259 section 8.1: a mark in front may be ignored
}

TEST_CASE("what JSON's grammar does not allow is refused, beside half an emoji too", "[R3][envelope]") {
  const std::string wrong =
      GENERATE(as<std::string>{}, R"("\ud83")", R"("\ud83g")", R"("\u")", R"("\ud83d)", R"("\x")", "\"\xed\xa0\xbd\"",
               "\"\xc3\x28\"", "\"\xf4\x90\x80\x80\"", "\"\t\"", "NaN", "-Infinity", "Infinity", "01", "1.", ".5", "+1", "0x1",
               "1e", "'a'", "[1,]", "{\"a\" 1}", "{a:1}", "/* */1", "undefined", "tru", "TRUE");
  CAPTURE(wrong);
  CHECK_FALSE(ReadEnvelope(wrong).is_json);
  CHECK_FALSE(ReadEnvelope(R"(["\ud83d",)" + wrong + "]").is_json);
  CHECK_FALSE(ReadEnvelope(R"({"a":1e999,"b":)" + wrong + "}").is_json);
}

TEST_CASE("an id with half an emoji in it is no hint", "[R3][envelope]") {
  CHECK(ReadEnvelope(R"({"id":"m-1\ud83d","event":"ADD"})").hints.empty());
  CHECK(MemoriesOf(ReadEnvelope(R"({"id":"m-1","event":"ADD\ud83d"})")) == "m-1");
  CHECK(MemoriesOf(ReadEnvelope(R"({"id":"m-1","id":"m-2","event":"ADD"})")) == "m-2");  // the last of equal names counts
}
