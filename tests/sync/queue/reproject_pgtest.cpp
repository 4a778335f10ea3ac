#include "sync/queue/queue.hpp"
#include "sync/queue/reproject.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

constexpr const char* kPeople = "CREATE TABLE people (id text PRIMARY KEY, nick text)";
constexpr const char* kMapping = "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.text}}}";

/// Puts memories m0, m1, … of users u0, u1, … into the mirror, and one tombstone.
void FillMirror(const Sheet& sheet, int memories) {
  for (int i = 0; i < memories; ++i) {
    const std::string id = "m" + std::to_string(i);
    const nlohmann::json record{{"id", id},
                                {"memory", "Nick " + std::to_string(i)},
                                {"user_id", "u" + std::to_string(i)},
                                {"updated_at", "2026-08-01T00:00:00Z"}};
    sheet.Database().Run(
        "INSERT INTO membridge.memories (bucket, project, memory_id, record, read_at) VALUES ($1, 'crm', $2, $3::jsonb, now())",
        {std::to_string(sync::BucketOf(ProjectId{"crm"}, MemoryId{id})), id, record.dump()});
  }
  sheet.Database().Run(
      "INSERT INTO membridge.memories (bucket, project, memory_id, gone_at, read_at) VALUES (1, 'crm', 'gone', now(), now())");
}

}  // namespace

TEST_CASE("reproject marks every memory of the mirror, tombstones aside", "[reproject][pg]") {
  Sheet sheet{kPeople, kMapping};
  FillMirror(sheet, 30);
  sync::postgres::Session state = sheet.Database().Session();
  CHECK(sync::MarkMirror(state, ProjectId{"crm"}) == 30);
  CHECK(sheet.Database().Count("membridge.dirty WHERE reason = 'reproject'") == 30);
  CHECK(sync::MarkMirror(state, ProjectId{"other"}) == 0);
}

TEST_CASE("a plan over the mirror tells what would change and changes nothing", "[reproject][pg]") {
  Sheet sheet{kPeople, kMapping};
  FillMirror(sheet, 30);
  sync::postgres::Session state = sheet.Database().Session();
  const sync::Applier applier{sheet.Mapping(), sheet.Catalog()};
  std::size_t created = 0;
  std::size_t last = 0;
  sync::PlanMirror(
      state, sheet.Connection(), ProjectId{"crm"}, applier, ParseRfc3339("2026-09-01T12:00:00Z").value(),
      [&](std::size_t done, std::size_t all) {
        CHECK(all == 30);
        last = done;
      },
      [&](const std::string&, const sync::Outcome& outcome) { created += outcome.wrote ? 1u : 0u; });
  CHECK(created == 30);
  CHECK(last == 30);
  CHECK(sheet.Database().Count("people") == 0);
  CHECK(sheet.Database().Count("membridge.sources") == 0);
}

}  // namespace membridge::test
