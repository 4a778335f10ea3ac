#include "sync/apply/settle.hpp"

#include "tests/support/catch.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using Kind = Settled::Kind;

Instant At(const char* text) {
  return ParseRfc3339(text).value();
}

Winner Says(const char* text, bool force = false) {
  return {Content{json(text)}, At("2026-08-02T00:00:00Z"), force};
}

CellFacts Cell(Content current, Content fallback = json(nullptr)) {
  CellFacts facts;
  facts.current = std::move(current);
  facts.fallback = std::move(fallback);
  return facts;
}

CellEntry Ours(Content before, Content written) {
  return {std::move(before), written, written};
}

}  // namespace

TEST_CASE("an empty cell is filled, and what was there is remembered", "[settle]") {
  const auto current = GENERATE(Content{}, Content{json(nullptr)}, Content{json("n/a")});
  const Settled settled = SettleCell(Cell(current, json("n/a")), std::nullopt, Says("CTO"));
  CHECK(settled.kind == Kind::kWrite);
  CHECK(settled.value == Content{json("CTO")});
  REQUIRE(settled.entry);
  CHECK(settled.entry->before == current);
}

TEST_CASE("a person's value is kept", "[settle]") {
  const Settled settled = SettleCell(Cell(json("Analyst")), std::nullopt, Says("CTO"));
  CHECK(settled.kind == Kind::kKeep);
  CHECK_FALSE(settled.entry);
}

TEST_CASE("our own value changes with the claim and keeps what was there before us", "[settle]") {
  const Settled settled = SettleCell(Cell(json("Analyst")), Ours(json(nullptr), json("Analyst")), Says("CTO"));
  CHECK(settled.kind == Kind::kWrite);
  CHECK(settled.entry->before == Content{json(nullptr)});
  CHECK(settled.entry->claim == Content{json("CTO")});
}

TEST_CASE("what a trigger made of our value is still ours and is not written again", "[settle]") {
  const CellEntry entry{json(nullptr), json("cto"), json("CTO")};
  CHECK(SettleCell(Cell(json("cto")), entry, Says("CTO")).kind == Kind::kNothing);
}

TEST_CASE("a person's edit over our value stands, also when they emptied the cell", "[settle]") {
  const auto theirs = GENERATE(Content{json("Analyst II")}, Content{json(nullptr)}, Content{});
  const Settled settled = SettleCell(Cell(theirs), Ours(json(nullptr), json("Analyst")), Says("CTO"));
  CHECK(settled.kind == Kind::kKeep);
  CHECK(settled.entry);
}

TEST_CASE("a withdrawn claim gives back what was there before", "[settle]") {
  const auto before = GENERATE(Content{}, Content{json(nullptr)}, Content{json("from the import")});
  const Settled settled = SettleCell(Cell(json("CTO")), Ours(before, json("CTO")), std::nullopt);
  CHECK(settled.kind == Kind::kRestore);
  CHECK(settled.value == before);
  CHECK_FALSE(settled.entry);
}

TEST_CASE("a withdrawn claim takes back neither keys, nor what cannot be empty, nor a person's edit", "[settle]") {
  CellFacts key = Cell(json("ada@example.test"));
  key.is_key = true;
  CHECK(SettleCell(key, Ours(json(nullptr), json("ada@example.test")), std::nullopt).kind == Kind::kKeep);

  CellFacts not_null = Cell(json("Ada"));
  not_null.not_null = true;
  CHECK(SettleCell(not_null, Ours(json(nullptr), json("Ada")), std::nullopt).kind == Kind::kKeep);

  CHECK(SettleCell(Cell(json("Ada L.")), Ours(json(nullptr), json("Ada")), std::nullopt).kind == Kind::kKeep);
}

TEST_CASE("a cell that was withdrawn under a person's hand stays the person's for the next memory", "[settle]") {
  const Settled withdrawn = SettleCell(Cell(json(nullptr)), Ours(json("old"), json("Ada")), std::nullopt);
  REQUIRE(withdrawn.entry);
  CHECK(SettleCell(Cell(json(nullptr)), withdrawn.entry, Says("Augusta")).kind == Kind::kKeep);
}

TEST_CASE("a value that was already there was never ours and is not taken back", "[settle]") {
  const Settled settled = SettleCell(Cell(json("CTO")), std::nullopt, Says("CTO"));
  CHECK(settled.kind == Kind::kNothing);
  CHECK_FALSE(settled.entry);
  CHECK(SettleCell(Cell(json("CTO")), std::nullopt, std::nullopt).kind == Kind::kNothing);
}

TEST_CASE("force overrules an older human value, gives it back, and yields to a newer one", "[settle]") {
  CellFacts older = Cell(json("Analyst"));
  older.theirs = At("2026-08-01T00:00:00Z");
  const Settled forced = SettleCell(older, std::nullopt, Says("CTO", true));
  CHECK(forced.kind == Kind::kWrite);
  CHECK(forced.entry->before == Content{json("Analyst")});
  CHECK(SettleCell(Cell(json("CTO")), CellEntry{json("Analyst"), json("CTO"), json("CTO")}, std::nullopt).value ==
        Content{json("Analyst")});

  CellFacts newer = older;
  newer.theirs = At("2026-08-03T00:00:00Z");
  CHECK(SettleCell(newer, std::nullopt, Says("CTO", true)).kind == Kind::kKeep);
}

TEST_CASE("null is a claim, and is not made on a cell that cannot be empty", "[settle]") {
  const Winner nothing{Content{json(nullptr)}, At("2026-08-02T00:00:00Z"), false};
  CHECK(SettleCell(Cell(json("x")), Ours(json(nullptr), json("x")), nothing).kind == Kind::kRestore);
  CellFacts not_null = Cell(json("x"));
  not_null.not_null = true;
  CHECK(SettleCell(not_null, Ours(json("y"), json("x")), nothing).kind == Kind::kKeep);
}

TEST_CASE("a group is empty when all of it is, and is decided as one", "[settle]") {
  CHECK(IsEmpty(json::parse(R"([[null],[]])")));
  CHECK_FALSE(IsEmpty(json::parse(R"([[null],["x"]])")));
  const Winner pair{Content{json::parse(R"([["5"],["12"]])")}, At("2026-08-02T00:00:00Z"), false};
  CHECK(SettleCell(Cell(json::parse(R"([["5"],[null]])")), std::nullopt, pair).kind == Kind::kKeep);
}

TEST_CASE("elements of an array are owned one by one", "[settle]") {
  const json desired = json::array({"vip", "beta"});
  const Settled added = SettleElements(Cell(json::array({"vip", "human"})), std::nullopt, desired);
  CHECK(added.kind == Kind::kWrite);
  CHECK(added.value == Content{json::array({"vip", "human", "beta"})});
  REQUIRE(added.entry);
  CHECK(added.entry->written == Content{json::array({"beta"})});

  const Settled taken_back = SettleElements(Cell(json::array({"vip", "human", "beta"})), added.entry, json::array());
  CHECK(taken_back.kind == Kind::kRestore);
  CHECK(taken_back.value == Content{json::array({"vip", "human"})});
}

TEST_CASE("an element a person removed stays away until nothing claims it any more", "[settle]") {
  const CellEntry entry{json::array(), json::array({"beta"}), {}};
  const Settled settled = SettleElements(Cell(json::array({"human"})), entry, json::array({"beta"}));
  CHECK(settled.kind == Kind::kNothing);
  CHECK(settled.entry->written == Content{json::array({"beta"})});
}

TEST_CASE("an array that was NULL is NULL again once the last element is withdrawn", "[settle]") {
  const Settled added = SettleElements(Cell(json(nullptr)), std::nullopt, json::array({"x"}));
  const Settled back = SettleElements(Cell(json::array({"x"})), added.entry, json::array());
  CHECK(back.kind == Kind::kRestore);
  CHECK(back.value == Content{json(nullptr)});
}

TEST_CASE("elements that a trigger altered are ours, and what led to them leads nowhere new", "[settle]") {
  CellEntry entry{json::array({"human"}), json::array({"Go"}), {}};
  NoticeAltered(entry, json::array({"human", "Go"}), json::array({"go", "human"}), json::array({"Go"}));
  CHECK(entry.written == Content{json::array({"go"})});
  CHECK(SettleElements(Cell(json::array({"go", "human"})), entry, json::array({"Go"})).kind == Kind::kNothing);
  CHECK(SettleElements(Cell(json::array({"go", "human"})), entry, json::array()).value == Content{json::array({"human"})});
}

TEST_CASE("where a trigger altered a person's elements as well, it cannot be told which are ours", "[settle]") {
  CellEntry entry{json::array({"Human"}), json::array({"Go"}), {}};
  NoticeAltered(entry, json::array({"Human", "Go"}), json::array({"go", "human"}), json::array({"Go"}));
  CHECK(entry.written == Content{json::array({"Go"})});
  CHECK_FALSE(entry.claim);
}

TEST_CASE("a person's value that gave way counts again against an older or a weaker claim", "[settle]") {
  CellFacts facts = Cell(json("Analyst"));
  facts.theirs = At("2026-08-01T12:00:00Z");
  const Settled forced = SettleCell(facts, std::nullopt, Says("CTO", true));
  REQUIRE(forced.entry);
  CellEntry entry = CellEntry::FromJson(json::parse(forced.entry->ToJson().dump()));
  entry.written = json("CTO");

  facts.current = json("CTO");
  Winner older = Says("Clerk", true);
  older.stamp = At("2026-08-01T00:00:00Z");
  const auto claim = GENERATE_COPY(values<Winner>({older, Says("CTO"), Says("Clerk")}));
  const Settled back = SettleCell(facts, entry, claim);
  CHECK(back.kind == Kind::kRestore);
  CHECK(back.value == Content{json("Analyst")});
  REQUIRE(back.entry);
  CHECK_FALSE(back.entry->claim);
  // A newer one may overrule it still, whatever the person did to other cells of the row meanwhile.
  facts.theirs = At("2026-08-03T00:00:00Z");
  CHECK(SettleCell(facts, entry, Says("CEO", true)).kind == Kind::kWrite);
}

TEST_CASE("a claim on what stood there before is as if nothing else had ever been said", "[settle]") {
  const CellFacts facts = Cell(json("Berlin"));
  const CellEntry entry{json("unknown"), json("Berlin"), json("Berlin")};
  const Settled settled = SettleCell(facts, entry, Says("unknown"));
  CHECK(settled.kind == Kind::kRestore);
  CHECK(settled.value == Content{json("unknown")});
  CHECK_FALSE(settled.entry);
}

TEST_CASE("an element that a person took out stays away, also when it is said anew", "[settle]") {
  const json none = json::array(), said = json::array({"go"});
  const CellEntry entry{json(nullptr), said, {}};
  const Settled withdrawn = SettleElements(Cell(json(nullptr)), entry, none);
  CHECK(withdrawn.kind == Kind::kNothing);
  const CellEntry remembered = CellEntry::FromJson(withdrawn.entry.value().ToJson());
  CHECK(SettleElements(Cell(json(nullptr)), remembered, said).kind == Kind::kNothing);
  // Put in again by the person it is theirs, and no withdrawal takes it.
  const Settled theirs = SettleElements(Cell(said), remembered, said);
  CHECK_FALSE(theirs.entry);
  CHECK(SettleElements(Cell(said), theirs.entry, none).kind == Kind::kNothing);
}

TEST_CASE("a list that only withdrawn elements had made is no list again, though a person took another of ours out", "[settle]") {
  const CellEntry entry{Content{}, json::array({"kept away", "go"}), {}};
  const Settled settled = SettleElements(Cell(json::array({"go"})), entry, json::array({"kept away"}));
  CHECK(settled.kind == Kind::kWrite);
  CHECK_FALSE(settled.value);
  CHECK(settled.entry.value().written == Content{json::array({"kept away"})});
}

TEST_CASE("a person's value that was given back is as old as it was, until the row is touched again", "[settle]") {
  CellFacts facts = Cell(json("Analyst"));
  CellEntry entry = SettleCell(facts, std::nullopt, Says("CTO", true)).entry.value();
  entry.written = json("CTO");
  facts.current = json("CTO");
  facts.theirs = At("2026-08-20T00:00:00Z");  // of another cell of the row
  const Settled back = SettleCell(facts, entry, std::nullopt);
  CHECK(back.kind == Kind::kRestore);
  entry = CellEntry::FromJson(json::parse(back.entry.value().ToJson().dump()));

  facts.current = json("Analyst");
  CHECK(SettleCell(facts, entry, Says("CEO", true)).kind == Kind::kWrite);
  CHECK(SettleCell(facts, entry, Says("CEO")).kind == Kind::kKeep);
  CHECK(SettleCell(facts, entry, Says("CEO")).entry.value().ToJson() == entry.ToJson());
  CHECK(SettleCell(facts, entry, std::nullopt).entry.value().ToJson() == entry.ToJson());
  facts.theirs = At("2026-08-21T00:00:00Z");
  CHECK(SettleCell(facts, entry, Says("CEO", true)).kind == Kind::kKeep);
}

TEST_CASE("a cell that a person emptied, force filled and then let go of stays empty for the next memory", "[settle]") {
  const Settled forced = SettleCell(Cell(json(nullptr)), Ours(json(nullptr), json("Ada")), Says("CTO", true));
  CellEntry entry = forced.entry.value();
  CHECK(entry.overruled);
  entry.written = json("CTO");
  const Settled back = SettleCell(Cell(json("CTO")), entry, std::nullopt);
  CHECK(back.value == Content{json(nullptr)});
  CHECK(SettleCell(Cell(json(nullptr)), back.entry, Says("CEO")).kind == Kind::kKeep);
  CHECK(SettleCell(Cell(json(nullptr)), back.entry, Says("CEO", true)).kind == Kind::kWrite);
  // What they write and empty again from then on was never ours.
  CHECK_FALSE(SettleCell(Cell(json("typed")), back.entry, Says("CEO")).entry);
}

TEST_CASE("the ledger's form of an entry keeps the difference between NULL and absent", "[settle]") {
  const CellEntry entry{Content{}, json(nullptr), json("x")};
  const CellEntry back = CellEntry::FromJson(json::parse(entry.ToJson().dump()));
  CHECK(back.before == entry.before);
  CHECK(back.written == entry.written);
  CHECK(back.claim == entry.claim);
}

}  // namespace membridge::sync
