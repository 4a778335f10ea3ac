// Where several rows match a key, a person says which one a user's memories mean.
#include "mappings/files/loader.hpp"
#include "sync/catalog/catalog_reader.hpp"
#include "sync/explain/ambiguity.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

constexpr const char* kTwins =
    "CREATE TABLE people (id int PRIMARY KEY, email text, city text); "
    "INSERT INTO people VALUES (1, 'ada@example.com', NULL), (2, 'ada@example.com', NULL), (3, 'bob@example.com', NULL)";
const std::map<std::string, std::string> kByEmail{
    {"people.yaml",
     "rows: {person: {table: people, create: false, key: {email: $memory.metadata.email}, set: {city: $memory.text}}}"}};

struct Choosing : Workshop {
  explicit Choosing(Tables tables = Tables::kWithState) : Workshop(kTwins, kByEmail, tables) {}

  std::string Says(const std::string& user, const std::string& city, const std::string& email = "ada@example.com") {
    const std::string memory = sim.Add(user, city, {{"email", email}}, {}, false);
    Deliver("ADD", memory);
    Work();
    return memory;
  }
  Result<sync::Ambiguity> Ambiguous(const std::string& memory) {
    const auto source = sync::FromMirror(state, kCrm, MemoryId{memory}, SystemClock{}.Now());
    if (!source) return tl::unexpected<Error>(source.error());
    const auto catalog = std::make_shared<const mappings::Catalog>(*sync::ReadCatalog(there));
    mappings::Diagnostics problems;
    auto loaded = mappings::LoadMapping("people.yaml", kByEmail.at("people.yaml"), {}, problems);
    const sync::Applier applier{std::make_shared<const mappings::Mapping>(std::move(*loaded)), catalog};
    return sync::FindAmbiguity(there, applier, *catalog, *source, SystemClock{}.Now(), 2s);
  }
  Strings Cities() const { return Column("SELECT id || ' ' || coalesce(city, '-') FROM people ORDER BY id"); }
  Strings ParkedMemories() const {
    Strings memories;
    auto session = db.Session();
    const auto rows = session.Run("SELECT memory_id FROM membridge.parked WHERE sqlstate = '21000' ORDER BY memory_id");
    for (std::size_t row = 0; row < rows.size(); ++row) memories.emplace_back(rows.Text(row, 0));
    return memories;
  }

  sync::postgres::Session state = db.Session();
  sync::postgres::Session there = Target().Session();
};

}  // namespace

TEST_CASE("a choice among rows that match holds for the user's memories, those that were parked and those to come",
          "[worker][pg]") {
  Choosing shop{GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  const std::string first = shop.Says("ada", "Rome");
  shop.Says("ada", "Oslo");
  CHECK(shop.ParkedMemories().size() == 2);
  CHECK(sync::AmbiguousMappings(shop.state, kCrm, MemoryId{first}) == Strings{"people"});

  const auto ambiguity = shop.Ambiguous(first);
  REQUIRE(ambiguity);
  REQUIRE(ambiguity->rows.size() == 2);
  CHECK(ambiguity->rows[0].candidate.relation == "public.people");
  CHECK(ambiguity->rows[0].values["email"] == "ada@example.com");
  const std::size_t second_row = sync::KeyInWords(ambiguity->rows[0].candidate.identity) == "2" ? 0 : 1;
  const auto again = sync::ChooseRow(shop.state, shop.there, "default", *ambiguity, second_row);
  REQUIRE(again);
  CHECK(*again == 2);
  shop.Work();
  CHECK(shop.Cities() == Strings{"1 -", "2 Oslo", "3 -"});
  CHECK(shop.ParkedMemories().empty());

  shop.Says("ada", "Bern");
  CHECK(shop.Cities() == Strings{"1 -", "2 Bern", "3 -"});
  // Another user has said nothing about it, and a key that only one row has needs no choice.
  const std::string eve = shop.Says("eve", "Paris");
  CHECK(shop.ParkedMemories() == Strings{eve});
  shop.Says("ada", "Lyon", "bob@example.com");
  CHECK(shop.Cities() == Strings{"1 -", "2 Bern", "3 Lyon"});
}

TEST_CASE("a choice can be changed, and ends with its row", "[worker][pg]") {
  Choosing shop;
  const std::string memory = shop.Says("ada", "Rome");
  const auto choose = [&](const std::string& key) {
    auto ambiguity = shop.Ambiguous(memory);
    if (!ambiguity) {  // chosen before: looked at as if nobody had
      shop.Target().Run("DELETE FROM membridge.choices");
      ambiguity = shop.Ambiguous(memory);
    }
    REQUIRE(ambiguity);
    const std::size_t at = sync::KeyInWords(ambiguity->rows[0].candidate.identity) == key ? 0 : 1;
    REQUIRE(sync::ChooseRow(shop.state, shop.there, "default", *ambiguity, at));
    shop.Deliver("UPDATE", memory);
    shop.Work();
  };
  choose("2");
  CHECK(shop.Cities() == Strings{"1 -", "2 Rome", "3 -"});
  CHECK_FALSE(shop.Ambiguous(memory));
  shop.Target().Run("INSERT INTO people VALUES (4, 'ada@example.com', NULL)");
  shop.Target().Run("DELETE FROM people WHERE id = 2");
  const std::string other = shop.Says("ada", "Oslo");
  CHECK(shop.ParkedMemories() == Strings{other});  // what was chosen is gone, and two are left
}

}  // namespace membridge::test
