#include "sync/queue/parked.hpp"
#include "sync/queue/parking.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge {
namespace {

using sync::Claim;
using sync::Parked;
using sync::ParkedFilter;
using sync::ParkedGroup;
using sync::ParkedMemory;
using sync::ParkedPage;
using sync::ParkedStore;
using sync::Parking;
using sync::postgres::Session;
using sync::postgres::Transaction;
using test::InTransaction;
using test::kCrm;
using test::Mark;
using test::PgDatabase;

Claim ClaimOf(const std::string& memory) {
  Claim claim;
  claim.project = kCrm;
  claim.memory = MemoryId{memory};
  return claim;
}

Parking Because(std::string cause, std::string mapping = "people") {
  return {.mapping = std::move(mapping),
          .code = ErrorCode::kRowRejected,
          .cause = std::move(cause),
          .hint = "correct the value",
          .place = "people.yaml:7",
          .sqlstate = "23505"};
}

void Park(const PgDatabase& db, const std::string& memory, const Parking& parking) {
  InTransaction(db, [&](Transaction& transaction) { Parked{transaction}.Park(ClaimOf(memory), parking); });
}

std::vector<ParkedGroup> List(const PgDatabase& db, const ParkedFilter& filter = {}) {
  return InTransaction(db, [&](Transaction& transaction) { return ParkedStore{transaction}.List(filter); });
}

ParkedPage Show(const PgDatabase& db, const ParkedFilter& filter = {}, std::size_t limit = 100,
                const std::optional<std::string>& cursor = {}) {
  return *InTransaction(db, [&](Transaction& transaction) { return ParkedStore{transaction}.Show(filter, limit, cursor); });
}

std::size_t Count(const PgDatabase& db, const ParkedFilter& filter = {}) {
  return InTransaction(db, [&](Transaction& transaction) { return ParkedStore{transaction}.Count(filter); });
}

std::size_t Retry(const PgDatabase& db, const ParkedFilter& filter = {}) {
  Session session = db.Session();
  return RetryParked(session, filter);
}

}  // namespace

TEST_CASE("parking a memory again counts up and keeps when it began", "[sync][pg]") {
  const PgDatabase db;
  Park(db, "m-1", Because("first"));
  db.Run("UPDATE membridge.parked SET parked_at = '2026-03-01Z', tried_at = '2026-03-01Z'");
  Park(db, "m-1", Because("second"));
  const ParkedPage page = Show(db);
  REQUIRE(page.memories.size() == 1);
  const ParkedMemory& parked = page.memories.front();
  CHECK(parked.memory.Text() == "m-1");
  CHECK(parked.attempts == 2);
  CHECK(parked.parking.cause == "second");
  CHECK(parked.parking.mapping == "people");
  CHECK(parked.parking.code == ErrorCode::kRowRejected);
  CHECK(parked.code == "row_rejected");
  CHECK(parked.parking.hint == "correct the value");
  CHECK(parked.parking.place == "people.yaml:7");
  CHECK(parked.parking.sqlstate == "23505");
  CHECK(parked.parked_at == ParseRfc3339("2026-03-01T00:00:00Z"));
  CHECK(parked.tried_at > parked.parked_at);
}

TEST_CASE("a memory is taken out for the mappings it could be applied to, and for no other", "[sync][pg]") {
  const PgDatabase db;
  for (const char* memory : {"m-1", "m-2"}) {
    for (const char* mapping : {"people", "notes", "places"}) Park(db, memory, Because("x", mapping));
  }
  InTransaction(db, [](Transaction& transaction) {
    Parked{transaction}.Unpark({}, {"people"});
    Parked{transaction}.Unpark({ClaimOf("m-1")}, {});
    Parked{transaction}.Unpark({ClaimOf("m-1"), ClaimOf("m-9")}, {"people", "places"});
  });
  CHECK(db.Value("SELECT string_agg(memory_id || mapping, ' ' ORDER BY memory_id, mapping) FROM membridge.parked") ==
        "m-1notes m-2notes m-2people m-2places");
}

TEST_CASE("causes that differ only in values are one group, and the group shows no value", "[sync][pg]") {
  struct Case {
    std::string one, other, shown;
  };
  const auto [one, other, shown] = GENERATE(values<Case>({
      {"duplicate key value violates unique constraint \"people_email_key\": Key (email)=(ada@example.com) already exists.",
       "duplicate key value violates unique constraint \"people_email_key\": Key (email)=(a (b) c) already exists.",
       "duplicate key value violates unique constraint \"people_email_key\": Key (email)=(…) already exists."},
      {"new row for relation \"people\" violates check constraint \"real\" (Failing row contains (4, Ada (Lady), {}, null).)",
       "new row for relation \"people\" violates check constraint \"real\" (Failing row contains (15, Grace, {\"a\": 1}, x).)",
       "new row for relation \"people\" violates check constraint \"real\" (Failing row contains (…))"},
      {"invalid input syntax for type date: \"soon\"", "invalid input syntax for type date: \"a \"quoted\" day\"",
       "invalid input syntax for type date: …"},
      {"memory 0e1d8e6c-7c1b-4b43-9a35-2f0f5f0a7a11 gives 3 rows", "memory 11111111-7C1B-4b43-9a35-2f0f5f0a7a11 gives 4 rows",
       "memory … gives … rows"},
      {"'Ada' is no phone number", "'Grace' is no phone number", "… is no phone number"},
      {"value out of range: 12.5", "value out of range: 2026-03-01", "value out of range: …"},
  }));
  const PgDatabase db;
  Park(db, "m-1", Because(one));
  Park(db, "m-2", Because(other));
  const std::vector<ParkedGroup> groups = List(db);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0].cause == shown);
  CHECK(groups[0].memories == 2);
  CHECK(groups[0].group.size() == 12);
  CHECK(groups[0].example.Text() == "m-2");
}

TEST_CASE("names of columns, mappings and places tell groups apart", "[sync][pg]") {
  const PgDatabase db;
  Park(db, "m-1", Because("null value in column \"email\" violates not-null constraint"));
  Park(db, "m-2", Because("null value in column \"name\" violates not-null constraint"));
  Park(db, "m-3", Because("null value in column \"name\" violates not-null constraint", "notes"));
  Parking elsewhere = Because("null value in column \"name\" violates not-null constraint");
  elsewhere.place = "people.yaml:9";
  Park(db, "m-4", elsewhere);
  Park(db, "m-5", elsewhere);
  const std::vector<ParkedGroup> groups = List(db);
  REQUIRE(groups.size() == 4);
  CHECK(groups[0].memories == 2);
  CHECK(groups[0].place == "people.yaml:9");
  CHECK(groups[0].mapping == "people");
  CHECK(groups[0].project == kCrm);
  CHECK(groups[0].code == "row_rejected");
  CHECK(groups[0].sqlstate == "23505");
  CHECK(groups[0].hint == "correct the value");
  CHECK(groups[0].last_tried_at >= groups[0].first_parked_at);
}

TEST_CASE("counting, retrying and dropping mean the same memories", "[sync][pg]") {
  const PgDatabase db;
  Park(db, "m-1", Because("'a' is no date"));
  Park(db, "m-2", Because("'b' is no date"));
  Park(db, "m-2", Because("'b' is no phone number", "notes"));
  Park(db, "m-3", Because("'c' is no phone number", "notes"));
  const std::vector<ParkedGroup> groups = List(db, {.mapping = "people"});
  REQUIRE(groups.size() == 1);
  const ParkedFilter dates{.group = groups[0].group};
  CHECK(Count(db) == 3);
  CHECK(Count(db, dates) == 2);
  CHECK(Count(db, {.memory = MemoryId{"m-2"}}) == 1);
  CHECK(Count(db, {.mapping = "notes"}) == 2);
  CHECK(Count(db, {.code = "row_rejected"}) == 3);
  CHECK(Count(db, {.code = "bad_mapping"}) == 0);
  CHECK(Count(db, {.project = ProjectId{"shop"}}) == 0);
  CHECK(Count(db, {.memory = MemoryId{std::string("m-1\0", 4)}}) == 0);

  SECTION("retry marks them, due now even where they back off, and leaves them parked") {
    Mark(db, {"m-1"});
    db.Run("UPDATE membridge.dirty SET attempts = 3, due_at = statement_timestamp() + interval '1 hour'");
    CHECK(Retry(db, dates) == 2);
    CHECK(db.Value("SELECT string_agg(memory_id || reason, ' ' ORDER BY memory_id) FROM membridge.dirty WHERE due_at <= "
                   "statement_timestamp()") == "m-1manual m-2manual");
    CHECK(db.Count("membridge.parked") == 4);
  }
  SECTION("drop forgets them and marks nothing") {
    const std::size_t dropped = InTransaction(db, [&](Transaction& transaction) { return ParkedStore{transaction}.Drop(dates); });
    CHECK(dropped == 2);
    CHECK(db.Count("membridge.parked") == 2);
    CHECK(db.Count("membridge.parked WHERE mapping = 'people'") == 0);
    CHECK(db.Count("membridge.dirty") == 0);
  }
}

TEST_CASE("more than one transaction's worth of memories is retried, of every project", "[sync][pg]") {
  const PgDatabase db;
  db.Run(
      "INSERT INTO membridge.parked (project, memory_id, mapping, code, cause) "
      "SELECT CASE WHEN n % 3 = 0 THEN 'shop' ELSE 'crm' END, 'm-' || n, 'people', 'row_rejected', 'x' FROM generate_series(1, "
      "3500) AS n");
  CHECK(Retry(db) == 3500);
  CHECK(db.Count("membridge.dirty JOIN membridge.parked USING (project, memory_id)") == 3500);
}

TEST_CASE("pages of parked memories follow one another without gap or repetition", "[sync][pg]") {
  const PgDatabase db;
  for (int n = 0; n < 7; ++n) Park(db, "m-" + std::to_string(n / 2), Because("x", n % 2 == 0 ? "people" : "notes"));
  std::string seen;
  std::optional<std::string> cursor;
  int pages = 0;
  do {
    const ParkedPage page = Show(db, {}, 3, cursor);
    for (const ParkedMemory& parked : page.memories) seen += parked.memory.Text() + parked.parking.mapping + " ";
    cursor = page.next;
    REQUIRE(++pages <= 3);
  } while (cursor);
  CHECK(seen == "m-0notes m-0people m-1notes m-1people m-2notes m-2people m-3people ");

  for (const char* foreign : {"", "[]", "[1,2,3]", "{}", "m-1", "[\"a\",\"b\"]"}) {
    const auto refused =
        InTransaction(db, [&](Transaction& transaction) { return ParkedStore{transaction}.Show({}, 3, std::string{foreign}); });
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::kRefused);
  }
}

}  // namespace membridge
