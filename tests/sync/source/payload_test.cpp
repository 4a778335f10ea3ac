#include "sync/source/payload.hpp"

#include <nlohmann/json.hpp>

#include "mappings/base/exact_json.hpp"
#include "sync/source/table_name.hpp"
#include "tests/support/catch.hpp"

namespace membridge::sync::source {
namespace {

using nlohmann::json;

constexpr const char* kId = "0198a3c4-5b6d-7e8f-9a0b-1c2d3e4f5a6b";

json RecordOf(const char* payload) {
  return MemoryFromRow(kId, payload).value().record;
}

}  // namespace

TEST_CASE("a row that Mem0's Python server wrote is the memory that the Platform would answer", "[source]") {
  const auto memory =
      MemoryFromRow(kId, R"({"data": "Likes tea", "hash": "6dd9", "user_id": "ada", "agent_id": "a1", "run_id": "r1",
      "actor_id": "x", "role": "user", "attributed_to": "ada", "created_at": "2026-01-02T03:04:05.678901+00:00",
      "updated_at": "2026-02-03T04:05:06+01:00", "expiration_date": "2027-01-01", "tier": "gold", "score": 1.10,
      "text_lemmatized": "like tea", "linked_memory_ids": ["b"], "categories": ["food"]})")
          .value();
  CHECK(memory.id.Text() == kId);
  CHECK(memory.user_id == "ada");
  CHECK(FormatRfc3339(memory.updated_at) == "2026-02-03T03:05:06.000000Z");
  CHECK(FormatDay(*memory.expires_on) == "2027-01-01");
  CHECK(memory.record["memory"] == "Likes tea");
  CHECK(memory.record["text"] == "Likes tea");
  CHECK(memory.record["role"] == "user");
  CHECK(memory.record["attributed_to"] == "ada");
  CHECK(mappings::ExactText(memory.record["metadata"]) == R"({"categories":["food"],"score":1.10,"tier":"gold"})");
}

TEST_CASE("a row that Mem0's TypeScript client wrote has the same fields under other names", "[source]") {
  const json record = RecordOf(R"({"data": "Likes tea", "userId": "ada", "agentId": "a1", "runId": "r1", "attributedTo": "ada",
      "createdAt": "2026-01-02T03:04:05.678Z", "updatedAt": "2026-02-03T04:05:06.000Z", "textLemmatized": "like tea", "tier": "gold"})");
  CHECK(record["user_id"] == "ada");
  CHECK(record["agent_id"] == "a1");
  CHECK(record["run_id"] == "r1");
  CHECK(record["attributed_to"] == "ada");
  CHECK(record["created_at"] == "2026-01-02T03:04:05.678Z");
  CHECK(record["updated_at"] == "2026-02-03T04:05:06.000Z");
  CHECK(record["metadata"] == json{{"tier", "gold"}});
}

TEST_CASE("older rows lack times, or have a null one, and are read nevertheless", "[source]") {
  const auto created =
      MemoryFromRow(kId, R"({"data": "x", "created_at": "2024-07-01T10:00:00.123456-07:00", "updated_at": null})").value();
  CHECK(FormatRfc3339(created.updated_at) == "2024-07-01T17:00:00.123456Z");
  const auto without_offset = MemoryFromRow(kId, R"({"data": "x", "created_at": "2024-07-01T10:00:00.123456"})").value();
  CHECK(FormatRfc3339(without_offset.updated_at) == "2024-07-01T10:00:00.123456Z");
  const auto timeless = MemoryFromRow(kId, R"({"data": "x"})").value();
  CHECK(timeless.updated_at == Instant{});
  CHECK(MemoryFromRow(kId, R"({"data": "x", "user_id": null, "userId": "ada"})").value().user_id == "ada");
  CHECK(MemoryFromRow(kId, R"({"data": "x", "user_id": "bob", "userId": "ada"})").value().user_id == "bob");
}

TEST_CASE("a payload that is no memory is refused without being quoted", "[source]") {
  for (const char* payload : {"[1]", "null", "\"secret\"", "{", R"({"data": 7})", R"({"data": "secret", "created_at": "secret"})",
                              R"({"data": "secret", "user_id": 5})", R"({"data": "x", "expiration_date": "secret"})"}) {
    CAPTURE(payload);
    const auto memory = MemoryFromRow(kId, payload);
    REQUIRE_FALSE(memory);
    CHECK(memory.error().code == ErrorCode::kRefused);
    CHECK(memory.error().message.find("secret") == std::string::npos);
  }
}

TEST_CASE("a table is named with its schema, without it, or in quotes", "[source]") {
  CHECK(TableName::Parse("memories")->Written() == "public.memories");
  CHECK(TableName::Parse("mem0.memories")->Quoted() == "\"mem0\".\"memories\"");
  CHECK(TableName::Parse("public.Memories-2")->Quoted() == "\"public\".\"Memories-2\"");
  CHECK(TableName::Parse("\"My Schema\".\"a\"\"b.c\"")->table == "a\"b.c");
  for (const char* wrong : {"", ".", "a.", ".a", "a.b.c", "\"a", "a b", "a;b", "\"\".a", "a\"b", "\"a\"b"}) {
    CAPTURE(wrong);
    CHECK_FALSE(TableName::Parse(wrong));
  }
}

}  // namespace membridge::sync::source
