#include <chrono>

#include "sync/queue/mirror.hpp"
#include "sync/queue/queue.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using namespace std::chrono_literals;
using sync::Claim;
using sync::Mirror;
using sync::Mirrored;
using sync::Reading;
using sync::postgres::Transaction;
using test::ClaimAll;
using test::ClaimOne;
using test::InTransaction;
using test::kCrm;
using test::Mark;
using test::PgDatabase;

constexpr Day kToday{std::chrono::year{2026} / 3 / 10};

Reading Read(const std::string& id, const std::string& text, std::optional<Day> expires_on = std::nullopt) {
  Reading reading;
  reading.memory = mappings::Memory{};
  reading.memory->id = MemoryId{id};
  reading.memory->record = {{"id", id}, {"memory", text}};
  reading.memory->updated_at = *ParseRfc3339("2026-03-01T09:12:44.018Z");
  reading.memory->user_id = "ada";
  reading.memory->expires_on = expires_on;
  reading.digest = "digest of " + text;
  reading.applied = "applied " + text;
  return reading;
}

void WriteMirror(const PgDatabase& db, const std::vector<std::pair<Claim, Reading>>& readings) {
  InTransaction(db, [&](Transaction& transaction) { Mirror{transaction}.Write(readings); });
}

std::vector<std::optional<Mirrored>> LookUp(const PgDatabase& db, const std::vector<Claim>& claims) {
  return InTransaction(db, [&](Transaction& transaction) { return Mirror{transaction}.LookUp(claims); });
}

std::size_t MarkExpired(const PgDatabase& db, std::size_t limit = 100) {
  return InTransaction(db, [&](Transaction& transaction) { return Mirror{transaction}.MarkExpired(kToday, limit); });
}

std::string ColumnMirror(const PgDatabase& db, const std::string& expression) {
  return db.Value("SELECT " + expression + " FROM membridge.memories WHERE memory_id = 'm-1'");
}

}  // namespace

TEST_CASE("the mirror gives back what it was told, one row per claim and in order", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1", "m-2", "m-3"});
  std::vector<Claim> claims = ClaimAll(db);
  REQUIRE(claims.size() == 3);
  const std::string text = "quotes \" and \\ and { and ' and ü and \t";
  WriteMirror(db, {{claims[2], Read(claims[2].memory.Text(), text)}, {claims[0], Read(claims[0].memory.Text(), "first")}});
  const std::vector<std::optional<Mirrored>> found = LookUp(db, claims);
  REQUIRE(found.size() == 3);
  CHECK_FALSE(found[1].has_value());
  REQUIRE(found[0].has_value());
  CHECK((*found[0]->record)["memory"] == "first");
  REQUIRE(found[2].has_value());
  CHECK((*found[2]->record)["memory"] == text);
  CHECK(found[2]->digest == "digest of " + text);
  CHECK(found[2]->applied == "applied " + text);
  CHECK(found[2]->updated_at == ParseRfc3339("2026-03-01T09:12:44.018Z"));
  CHECK_FALSE(found[2]->gone);
  CHECK(LookUp(db, {}).empty());
  WriteMirror(db, {});
}

TEST_CASE("a memory that is gone leaves a tombstone without what it said, and may come back", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  WriteMirror(db, {{claim, Read("m-1", "likes tea", kToday)}});
  CHECK(ColumnMirror(db, "user_id || ' ' || expires_on") == "ada 2026-03-10");

  WriteMirror(db, {{claim, Reading{}}});
  const std::string gone_at = ColumnMirror(db, "gone_at");
  CHECK_FALSE(gone_at.empty());
  std::optional<Mirrored> found = LookUp(db, {claim}).front();
  REQUIRE(found.has_value());
  CHECK(found->gone);
  CHECK_FALSE(found->record.has_value());
  CHECK(found->digest.empty());
  CHECK(found->applied.empty());
  CHECK(ColumnMirror(db, "user_id") == "ada");
  CHECK(ColumnMirror(db, "expires_on IS NULL") == "t");

  WriteMirror(db, {{claim, Reading{}}});
  CHECK(ColumnMirror(db, "gone_at") == gone_at);

  WriteMirror(db, {{claim, Read("m-1", "likes coffee")}});
  found = LookUp(db, {claim}).front();
  REQUIRE(found.has_value());
  CHECK_FALSE(found->gone);
  CHECK((*found->record)["memory"] == "likes coffee");
}

TEST_CASE("a memory never seen alive can be a tombstone", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  WriteMirror(db, {{claim, Reading{}}});
  const std::optional<Mirrored> found = LookUp(db, {claim}).front();
  REQUIRE(found.has_value());
  CHECK(found->gone);
  CHECK_FALSE(found->updated_at.has_value());
}

TEST_CASE("a record with bytes that are no UTF-8 is mirrored all the same", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1"});
  const Claim claim = ClaimOne(db);
  Reading reading = Read("m-1", "coffee");
  reading.memory->record["memory"] = "caf\xe9";
  WriteMirror(db, {{claim, reading}});
  CHECK((*LookUp(db, {claim}).front()->record)["memory"] == "caf\xef\xbf\xbd");
}

TEST_CASE("a memory is marked once when its last day has passed", "[sync][pg]") {
  const PgDatabase db;
  Mark(db, {"m-1", "today", "tomorrow", "never", "told", "gone", "dirty"});
  std::vector<std::pair<Claim, Reading>> readings;
  for (const Claim& claim : ClaimAll(db)) {
    const std::string& id = claim.memory.Text();
    Reading reading = Read(id, id, kToday - std::chrono::days{1});
    if (id == "today") reading = Read(id, id, kToday);
    if (id == "tomorrow") reading = Read(id, id, kToday + std::chrono::days{1});
    if (id == "never") reading = Read(id, id);
    if (id == "told") reading.expired = true;
    if (id == "gone") reading.memory.reset();
    readings.emplace_back(claim, reading);
  }
  WriteMirror(db, readings);
  db.Run("DELETE FROM membridge.dirty WHERE memory_id <> 'dirty'");

  CHECK(MarkExpired(db) == 1);
  CHECK(db.Value("SELECT reason || generation FROM membridge.dirty WHERE memory_id = 'm-1'") == "expiry1");
  CHECK(db.Value("SELECT generation FROM membridge.dirty WHERE memory_id = 'dirty'") == "1");
  CHECK(MarkExpired(db) == 0);
  CHECK(db.Count("membridge.dirty") == 2);
}

TEST_CASE("expired memories are marked a few at a time, the longest expired first", "[sync][pg]") {
  const PgDatabase db;
  db.Run(
      "INSERT INTO membridge.memories (bucket, project, memory_id, record, read_at, expires_on) "
      "SELECT n, 'crm', 'm-' || n, '{}', now(), date '2026-03-10' - n FROM generate_series(1, 9) AS n");
  CHECK(MarkExpired(db, 4) == 4);
  CHECK(db.Value("SELECT string_agg(memory_id, ' ' ORDER BY memory_id) FROM membridge.dirty") == "m-6 m-7 m-8 m-9");
  CHECK(MarkExpired(db, 4) == 4);
  CHECK(MarkExpired(db, 4) == 1);
  CHECK(MarkExpired(db, 4) == 0);
}

}  // namespace membridge
