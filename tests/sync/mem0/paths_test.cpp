#include "sync/mem0/paths.hpp"

#include "tests/support/catch.hpp"

namespace membridge::sync::mem0 {

TEST_CASE("every byte that could mean something in an address is encoded", "[mem0]") {
  CHECK(paths::Encode("Alice-1_2.3~") == "Alice-1_2.3~");
  CHECK(paths::Encode("a b/c?d#e%f") == "a%20b%2Fc%3Fd%23e%25f");
  CHECK(paths::Encode("\xC3\xA4\r\n") == "%C3%A4%0D%0A");
  CHECK(paths::Encode(std::string_view{"\0", 1}) == "%00");
}

TEST_CASE("a name that a proxy could read as another path fits no segment", "[mem0]") {
  const auto name = GENERATE(as<std::string>{}, "", ".", "..", "a/b", "../x", "a\\b");
  CAPTURE(name);
  CHECK_FALSE(paths::FitsSegment(name));
}

TEST_CASE("names with dots, spaces and signs fit a segment", "[mem0]") {
  const auto name = GENERATE(as<std::string>{}, "alice", "a.b", "...", "ada@example.com", "a b", "?x=1");
  CAPTURE(name);
  CHECK(paths::FitsSegment(name));
}

TEST_CASE("addresses are those of Mem0's reference", "[mem0]") {
  CHECK(paths::Ping() == "/v1/ping/");
  CHECK(paths::ListMemories(2, 200) == "/v3/memories/?page=2&page_size=200");
  CHECK(paths::AddMemories() == "/v3/memories/add/");
  CHECK(paths::Memory(MemoryId{"m1"}) == "/v1/memories/m1/");
  CHECK(paths::MemoryHistory(MemoryId{"m1"}) == "/v1/memories/m1/history/");
  CHECK(paths::ProjectHistory(1, 100) == "/v1/memories/events/?page=1&limit=100");
  CHECK(paths::Entities(1, 100) == "/v1/entities/?page=1&page_size=100");
  CHECK(paths::Entity("user", "ada@x") == "/v2/entities/user/ada%40x/");
  CHECK(paths::UserProfile("ada") == "/v2/entities/user/ada/profile/");
  CHECK(paths::Event("e1") == "/v1/event/e1/");
  CHECK(paths::CreateExport() == "/v1/exports/");
  CHECK(paths::GetExport() == "/v1/exports/get/");
  CHECK(paths::ProjectWebhooks("proj_x") == "/api/v1/webhooks/projects/proj_x/");
  CHECK(paths::Webhook("wh_1") == "/api/v1/webhooks/wh_1/");
}

}  // namespace membridge::sync::mem0
