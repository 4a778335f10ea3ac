#include "mappings/memory.hpp"

#include "tests/support/catch.hpp"

namespace membridge::mappings {
namespace {

using nlohmann::json;

json Answer(const json& changes = json::object()) {
  json answer{{"id", "0b2f8f5e-5d5e-4d6b-9c2b-6f8f8b7f0a11"},
              {"memory", "Name is Alex"},
              {"user_id", "alex"},
              {"session_id", "run-1"},
              {"metadata", {{"a", 1}}},
              {"categories", nullptr},
              {"created_at", "2026-07-01T10:00:00-07:00"},
              {"updated_at", "2026-07-02T10:00:00-07:00"}};
  answer.update(changes);
  return answer;
}

Memory Read(const json& changes = json::object()) {
  auto memory = ReadMemory(Answer(changes));
  REQUIRE(memory);
  return *memory;
}

}  // namespace

TEST_CASE("a memory is read as Mem0 gives it, with text and run_id beside", "[memory]") {
  const Memory memory = Read();
  CHECK(memory.id.Text() == "0b2f8f5e-5d5e-4d6b-9c2b-6f8f8b7f0a11");
  CHECK(memory.user_id == "alex");
  CHECK(FormatRfc3339(memory.updated_at) == "2026-07-02T17:00:00.000000Z");
  CHECK(memory.record.at("text") == "Name is Alex");
  CHECK(memory.record.at("run_id") == "run-1");
  CHECK(memory.record.at("session_id") == "run-1");
  CHECK(Read({{"run_id", "run-2"}}).record.at("run_id") == "run-2");
  CHECK_FALSE(memory.superseded);
  CHECK_FALSE(memory.expires_on);
}

TEST_CASE("a memory that was never updated changed when it was made", "[memory]") {
  CHECK(FormatRfc3339(Read({{"updated_at", nullptr}}).updated_at) == "2026-07-01T17:00:00.000000Z");
}

TEST_CASE("a memory speaks through its last day", "[memory]") {
  const Memory memory = Read({{"expiration_date", "2026-08-03"}});
  CHECK(memory.IsLive(*ParseDay("2026-08-03")));
  CHECK_FALSE(memory.IsLive(*ParseDay("2026-08-04")));
  CHECK(Read({{"expiration_date", "2026-08-03T23:00:00-02:00"}}).expires_on == *ParseDay("2026-08-04"));
  CHECK_FALSE(Read({{"expiration_date", nullptr}}).expires_on);
}

TEST_CASE("a superseded or merged memory speaks no longer", "[memory]") {
  const Day today = *ParseDay("2026-08-03");
  CHECK_FALSE(Read({{"replaced_by", "5d5e4d6b-0000-4000-8000-000000000001"}}).IsLive(today));
  CHECK(Read({{"replaced_by", nullptr}}).IsLive(today));
  CHECK(Read({{"replaced_by", ""}}).IsLive(today));
  CHECK(Read({{"replaced_by", "0b2f8f5e-5d5e-4d6b-9c2b-6f8f8b7f0a11"}}).IsLive(today));
  CHECK_FALSE(Read({{"lifecycle_state", "Superseded"}}).IsLive(today));
  CHECK_FALSE(Read({{"lifecycle_state", "merged"}}).IsLive(today));
  CHECK(Read({{"lifecycle_state", "active"}}).IsLive(today));
}

TEST_CASE("what cannot be a memory is refused by the field at fault", "[memory]") {
  const auto [changes, message] = GENERATE(table<json, std::string>({
      {{{"id", nullptr}}, "the memory has no \"id\""},
      {{{"id", ""}}, "the memory has no \"id\""},
      {{{"id", 5}}, "the memory's \"id\" is number, not text"},
      {{{"memory", json::array()}}, "the memory's \"memory\" is array, not text"},
      {{{"user_id", true}}, "the memory's \"user_id\" is boolean, not text"},
      {{{"updated_at", "yesterday"}}, "the memory's \"updated_at\" is not a time"},
      {{{"updated_at", nullptr}, {"created_at", nullptr}}, "the memory has neither \"updated_at\" nor \"created_at\""},
      {{{"expiration_date", "soon"}}, "the memory's \"expiration_date\" is not a day"},
      {{{"replaced_by", json::object()}}, "the memory's \"replaced_by\" is object, not text"},
  }));
  CAPTURE(changes.dump());
  const auto memory = ReadMemory(Answer(changes));
  REQUIRE_FALSE(memory);
  CHECK(memory.error().code == ErrorCode::kRefused);
  CHECK(memory.error().message == message);
}

TEST_CASE("an answer that is no object is refused", "[memory]") {
  for (const json& answer : {json(nullptr), json(5), json("text"), json::array({1})}) CHECK_FALSE(ReadMemory(answer));
}

TEST_CASE("U+0000 is dropped everywhere, since PostgreSQL cannot hold it", "[memory]") {
  const std::string nul{"a\0b", 3};
  const Memory memory = Read({{"memory", nul}, {"metadata", {{nul, {nul, 1}}}}});
  CHECK(memory.record.at("text") == "ab");
  CHECK(memory.record.at("metadata") == json{{"ab", {"ab", 1}}});
}

TEST_CASE("a record nested beyond reason is refused without following it", "[memory]") {
  json deep = 1;
  for (int i = 0; i < 60; ++i) deep = json::array({std::move(deep)});
  CHECK(ReadMemory(Answer({{"metadata", deep}})));
  const std::string bottomless = std::string(200000, '[') + std::string(200000, ']');
  json answer = Answer();
  answer["metadata"] = json::parse(bottomless);
  const auto memory = ReadMemory(answer);
  REQUIRE_FALSE(memory);
  CHECK(memory.error().message == "the record is nested deeper than 64 levels");
  CHECK_FALSE(Storable(answer));
}

TEST_CASE("the digest is the record's, whatever order its fields came in", "[memory]") {
  const std::string digest = DigestOf(Read());
  CHECK(digest.size() == 64);
  CHECK(DigestOf(*ReadMemory(json::parse(Answer().dump()))) == digest);
  CHECK(DigestOf(Read({{"categories", {"support"}}})) != digest);
  CHECK(DigestOf(Read({{"updated_at", "2026-07-03T10:00:00-07:00"}})) != digest);
  CHECK(DigestOf(Read({{"brand_new_field", 1}})) != digest);
  CHECK(DigestOf(Read({{"lifecycle_state", "active"}})) == digest);  // lists leave it out
}

}  // namespace membridge::mappings
