// The queue of disagreements: what is asked, what a person decides, and that it stays decided.
#include <set>

#include "sync/explain/kept.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/apply/sheet.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::KeptChoice;

constexpr const char* kKeptPeople =
    "CREATE TABLE people (id text PRIMARY KEY, nick text, age int, attrs jsonb, street text, zip text, born date, tags text[])";
constexpr const char* kKeptMapping = R"(
rows:
  person:
    table: people
    key: {id: $memory.user_id}
    set:
      nick: $memory.metadata.nick
      age: $memory.metadata.age
      attrs.tone: $memory.metadata.tone
      (street, zip): [$memory.metadata.street, $memory.metadata.zip]
      born: $memory.metadata.born
)";

/// A table, its mapping, and a ledger that is this state's.
struct AskedDesk {
  explicit AskedDesk(const char* tables = kKeptPeople, const char* mapping = kKeptMapping) : sheet(tables, mapping) {
    REQUIRE(sync::LedgerTie{state, there, "default"}.Admit());
  }

  void Say(const std::string& id, const json& metadata, int day = 1, const std::string& user = "u1") {
    const auto outcome = sheet.Say(json{{"id", id},
                                        {"user_id", user},
                                        {"metadata", metadata},
                                        {"updated_at", "2026-08-" + std::to_string(day + 10) + "T00:00:00Z"}});
    REQUIRE(outcome.kind == sync::Outcome::Kind::kApplied);
  }
  sync::KeptPage Page(std::size_t limit = 50, const std::optional<std::string>& cursor = {},
                      const sync::KeptFilter& filter = {}) {
    sync::postgres::Transaction transaction = there.Begin();
    auto page = sync::ListKept(transaction, {*sheet.Catalog(), mappings}, filter, limit, cursor);
    REQUIRE(page);
    return *page;
  }
  std::vector<sync::Disagreement> Listed() { return Page().cells; }
  std::int64_t Counted() {
    sync::postgres::Transaction transaction = there.Begin();
    return sync::CountKept(transaction);
  }
  Result<sync::KeptDecision> Decide(const std::string& id, KeptChoice choice) {
    return sync::DecideKept(state, there, "default", {*sheet.Catalog(), mappings}, id, choice);
  }
  /// The only one that is open.
  void DecideIt(KeptChoice choice) {
    const auto listed = Listed();
    REQUIRE(listed.size() == 1);
    REQUIRE(Decide(listed.front().id, choice));
  }
  json Cell(const std::string& column) const { return sheet.Rows("SELECT " + column + " AS cell FROM people")[0]["cell"]; }

  Sheet sheet;
  sync::postgres::Session state = sheet.Database().Session();
  sync::postgres::Session there = sheet.Database().Session();
  std::vector<std::shared_ptr<const mappings::Mapping>> mappings{sheet.Mapping()};
};

/// A memory said 'Ada', a person wrote 'Countess', a newer version of the memory says 'Augusta'.
struct ContestedDesk : AskedDesk {
  ContestedDesk() {
    Say("m1", {{"nick", "Ada"}}, 1);
    sheet.Run("UPDATE people SET nick = 'Countess'");
    Say("m1", {{"nick", "Augusta"}}, 2);
  }
};

}  // namespace

TEST_CASE("a cell where a memory and a person disagree is listed with what both say", "[kept][pg]") {
  ContestedDesk desk;
  const auto listed = desk.Listed();
  REQUIRE(listed.size() == 1);
  const sync::Disagreement& one = listed.front();
  CHECK(one.relation == "public.people");
  CHECK(one.identity == json{{"id", "u1"}});
  CHECK(one.cell == "nick");
  CHECK(one.current == "Countess");
  CHECK(one.claimed == "Augusta");
  CHECK(one.project == "crm");
  CHECK(one.mapping == "sheet");
  CHECK(one.source == "m1");
  CHECK(one.stamp == "2026-08-12T00:00:00.000000Z");
  CHECK(one.place == "sheet.yaml:7");
  CHECK(one.since == *ParseRfc3339("2026-09-01T12:00:00Z"));
  CHECK(desk.Counted() == 1);
  CHECK(sync::KeptText(one).find("stands: 'Countess'\n    m1 says 'Augusta'") != std::string::npos);

  SECTION("the person comes to agree") {
    desk.sheet.Run("UPDATE people SET nick = 'Augusta'");
    CHECK(desk.Listed().empty());
    desk.Say("m1", {{"nick", "Augusta"}}, 3);
    CHECK(desk.Counted() == 0);
  }
  SECTION("the memory comes to agree") {
    desk.Say("m1", {{"nick", "Countess"}}, 3);
    CHECK(desk.Listed().empty());
    CHECK(desk.Counted() == 0);
  }
  SECTION("the memory is deleted") {
    desk.sheet.Forget("m1");
    CHECK(desk.Listed().empty());
    CHECK(desk.Counted() == 0);
    CHECK(desk.Cell("nick") == "Countess");
  }
  SECTION("the row is deleted") {
    desk.sheet.Run("DELETE FROM people");
    CHECK(desk.Listed().empty());
  }
}

TEST_CASE("what a person wrote before any memory spoke is a disagreement, too, and what agrees is none", "[kept][pg]") {
  AskedDesk desk;
  desk.sheet.Run("INSERT INTO people (id, nick, age) VALUES ('u1', 'Countess', 36)");
  desk.Say("m1", {{"nick", "Ada"}, {"age", 36}});
  const auto listed = desk.Listed();
  REQUIRE(listed.size() == 1);
  CHECK(listed.front().cell == "nick");
}

TEST_CASE("a taken cell becomes the bridge's and stays right", "[kept][pg]") {
  ContestedDesk desk;
  desk.DecideIt(KeptChoice::kTake);
  CHECK(desk.Listed().empty());
  CHECK(desk.Counted() == 0);
  CHECK(desk.Cell("nick") == "Countess");  // a worker writes it
  desk.Say("m1", {{"nick", "Augusta"}}, 2);
  CHECK(desk.Cell("nick") == "Augusta");
  CHECK(desk.Listed().empty());

  SECTION("a newer memory is followed") {
    desk.Say("m2", {{"nick", "Lady"}}, 4);
    CHECK(desk.Cell("nick") == "Lady");
    desk.sheet.Forget("m2");
    CHECK(desk.Cell("nick") == "Augusta");
  }
  SECTION("the person's value comes back when no memory says anything") {
    desk.sheet.Forget("m1");
    CHECK(desk.Cell("nick") == "Countess");
    CHECK(desk.Listed().empty());
  }
  SECTION("a person who writes again is a person again") {
    desk.sheet.Run("UPDATE people SET nick = 'Byron'");
    desk.Say("m1", {{"nick", "King"}}, 4);
    CHECK(desk.Cell("nick") == "Byron");
    CHECK(desk.Listed().size() == 1);
  }
}

TEST_CASE("a person who writes between the decision and the write is not overwritten", "[kept][pg]") {
  ContestedDesk desk;
  desk.DecideIt(KeptChoice::kTake);
  desk.sheet.Run("UPDATE people SET nick = 'Byron'");
  desk.Say("m1", {{"nick", "Augusta"}}, 2);
  CHECK(desk.Cell("nick") == "Byron");
  const auto listed = desk.Listed();
  REQUIRE(listed.size() == 1);
  CHECK(listed.front().current == "Byron");
}

TEST_CASE("cells of every kind are taken", "[kept][pg]") {
  struct Kind {
    std::string cell, column, edit;
    json said, again, then;
  };
  const auto kind = GENERATE(values<Kind>(
      {{"nick", "nick", "nick = 'X'", {{"nick", "a"}}, {{"nick", "b"}}, "b"},
       {"nick", "nick", "nick = NULL", {{"nick", "a"}}, {{"nick", "b"}}, "b"},
       {"nick", "nick", "nick = ''", {{"nick", "a"}}, {{"nick", "b"}}, "b"},
       {"age", "age", "age = 7", {{"age", 1}}, {{"age", 2}}, 2},
       {"born", "born", "born = '1815-12-10'", {{"born", "1800-01-01"}}, {{"born", "1801-01-01"}}, "1801-01-01"},
       {"attrs.tone", "attrs", R"(attrs = '{"tone": "loud"}')", {{"tone", "calm"}}, {{"tone", "warm"}}, {{"tone", "warm"}}},
       {"attrs.tone", "attrs", "attrs = '{}'", {{"tone", "calm"}}, {{"tone", "warm"}}, {{"tone", "warm"}}},
       {"(street, zip)", "street", "street = 'X'", {{"street", "a"}, {"zip", "1"}}, {{"street", "b"}, {"zip", "2"}}, "b"}}));
  CAPTURE(kind.cell, kind.edit);
  AskedDesk desk;
  desk.Say("m1", kind.said, 1);
  desk.sheet.Run("UPDATE people SET " + kind.edit);
  desk.Say("m1", kind.again, 2);
  const auto listed = desk.Listed();
  REQUIRE(listed.size() == 1);
  CHECK(listed.front().cell == kind.cell);
  desk.DecideIt(KeptChoice::kTake);
  desk.Say("m1", kind.again, 2);
  CHECK(desk.Cell(kind.column) == kind.then);
  CHECK(desk.Listed().empty());
}

TEST_CASE("a dismissed cell is not asked about again until a memory says something else", "[kept][pg]") {
  ContestedDesk desk;
  desk.DecideIt(KeptChoice::kDismiss);
  CHECK(desk.Listed().empty());
  CHECK(desk.Counted() == 0);
  desk.Say("m1", {{"nick", "Augusta"}, {"age", 36}}, 3);
  desk.Say("m2", {{"nick", "Augusta"}}, 4);
  CHECK(desk.Listed().empty());
  desk.sheet.Run("UPDATE people SET nick = 'Lady Lovelace'");  // the person still refuses the same
  desk.Say("m2", {{"nick", "Augusta"}}, 5);
  CHECK(desk.Listed().empty());
  CHECK(desk.Cell("nick") == "Lady Lovelace");

  desk.Say("m3", {{"nick", "King"}}, 6);
  CHECK(desk.Listed().size() == 1);
  desk.DecideIt(KeptChoice::kDismiss);
  desk.sheet.Forget("m3");  // back to what was refused before
  CHECK(desk.Listed().empty());
  desk.Say("m4", {{"nick", "Byron"}}, 7);
  CHECK(desk.Listed().size() == 1);
  desk.DecideIt(KeptChoice::kTake);
  desk.Say("m4", {{"nick", "Byron"}}, 7);
  CHECK(desk.Cell("nick") == "Byron");
}

TEST_CASE("what was settled, or is another question by now, cannot be decided", "[kept][pg]") {
  ContestedDesk desk;
  const std::string id = desk.Listed().front().id;
  const auto gone = [&](const std::string& which) {
    const auto decided = desk.Decide(which, KeptChoice::kTake);
    return !decided && decided.error().code == ErrorCode::kNotFound;
  };
  SECTION("no such id") {
    CHECK(gone("17"));
    CHECK(gone("99999-0123456789ab"));
    CHECK(gone("nonsense"));
    CHECK(gone(""));
    CHECK(gone("-"));
  }
  SECTION("the person wrote something else") {
    desk.sheet.Run("UPDATE people SET nick = 'Byron'");
    CHECK(gone(id));
    CHECK(desk.Listed().front().id != id);
  }
  SECTION("the memory says something else") {
    desk.Say("m1", {{"nick", "King"}}, 3);
    CHECK(gone(id));
  }
  SECTION("decided twice") {
    REQUIRE(desk.Decide(id, KeptChoice::kDismiss));
    CHECK(gone(id));
  }
  SECTION("the ledger is another state's") {
    desk.sheet.Run("UPDATE membridge.belonging SET state = gen_random_uuid(), incarnation = gen_random_uuid()");
    const auto decided = desk.Decide(id, KeptChoice::kTake);
    REQUIRE_FALSE(decided);
    CHECK(decided.error().code == ErrorCode::kRefused);
  }
  CHECK(desk.sheet.Rows("SELECT cells -> 'nick' ->> 'w' AS written FROM membridge.rows")[0]["written"] == "Ada");
}

TEST_CASE("many disagreements come a page at a time, each once, and are filtered", "[kept][pg]") {
  AskedDesk desk;
  for (int i = 0; i < 7; ++i) desk.Say("m" + std::to_string(i), {{"nick", "Ada"}, {"age", 1}}, 1, "u" + std::to_string(i));
  desk.sheet.Run("UPDATE people SET nick = 'X', age = 9");
  for (int i = 0; i < 7; ++i) desk.Say("m" + std::to_string(i), {{"nick", "Eve"}, {"age", 2}}, 2, "u" + std::to_string(i));
  desk.sheet.Run("UPDATE people SET age = 2 WHERE id = 'u3'");
  const std::size_t limit = GENERATE(1u, 2u, 3u, 13u, 50u);
  std::set<std::string> ids;
  std::size_t listed = 0;
  std::optional<std::string> cursor;
  do {
    const auto page = desk.Page(limit, cursor);
    CHECK(page.cells.size() <= limit + 1);
    for (const auto& cell : page.cells) ids.insert(cell.id);
    listed += page.cells.size();
    cursor = page.next;
  } while (cursor);
  CHECK(listed == 13);
  CHECK(ids.size() == 13);
  CHECK(desk.Page(50, {}, {.memory = "m2"}).cells.size() == 2);
  CHECK(desk.Page(50, {}, {.table = "people"}).cells.size() == 13);
  CHECK(desk.Page(50, {}, {.table = "public.people"}).cells.size() == 13);
  CHECK(desk.Page(50, {}, {.table = "public.other"}).cells.empty());
  CHECK(desk.Page(50, {}, {.mapping = "other"}).cells.empty());
  CHECK(desk.Page(50, {}, {.project = "crm"}).cells.size() == 13);
  sync::postgres::Transaction transaction = desk.there.Begin();
  CHECK_FALSE(sync::ListKept(transaction, {*desk.sheet.Catalog(), desk.mappings}, {}, 1, "nonsense"));
}

TEST_CASE("what cannot stand in the cell, and elements of a list, are nobody's question", "[kept][pg]") {
  AskedDesk desk{"CREATE TABLE people (id text PRIMARY KEY, nick text NOT NULL DEFAULT 'none', tags text[])", R"(
rows:
  person:
    table: people
    key: {id: $memory.user_id}
    set:
      nick: $memory.metadata.nick
      tags[]: $memory.metadata.tags
)"};
  desk.Say("m1", {{"nick", "Ada"}, {"tags", {"a", "b"}}});
  desk.sheet.Run("UPDATE people SET nick = 'X', tags = '{b}'");
  desk.Say("m1", {{"nick", nullptr}, {"tags", {"a", "b", "c"}}}, 2);
  CHECK(desk.Listed().empty());
}

}  // namespace membridge::test
