// A first read that shows what one delivery announced is the last one.

#include "sync/inbox/announcement.hpp"
#include "sync/inbox/delivery_log.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;

struct Announcing : Workshop {
  Announcing()
      : Workshop("CREATE TABLE people (ref text PRIMARY KEY, nick text, labels text)",
                 {{"people.yaml",
                   "rows: {person: {table: people, key: {ref: $memory.user_id}, "
                   "set: {nick: $memory.text, labels: \"$memory.categories | join(',')\"}}}"}}) {
    options.read_lag = 1h;  // whatever is not final stays in the queue
  }

  sync::Delivery Telling(const std::string& type, const std::string& memory, const std::string& hash) {
    sync::Delivery delivery = DeliveryOf({{type, memory}});
    delivery.received_at = SystemClock{}.Now();
    delivery.announced = {hash};
    return delivery;
  }
  sync::Delivery TextOf(const std::string& type, const std::string& memory, const std::string& text) {
    return Telling(type, memory, sync::HashOfText(text));
  }
  /// One round; whether everything was final.
  bool IsDoneAtOnce() {
    static_cast<void>(NewWorker()->RunOnce());
    return db.Count("membridge.dirty") == 0;
  }
  std::string Nick() { return Target().Value("SELECT nick FROM people"); }
};

}  // namespace

TEST_CASE("a first read that shows what one delivery announced is final", "[reading][pg]") {
  Announcing shop;
  const std::string ada = shop.sim.Add("ada", "Likes tea", nullptr, {}, false);
  shop.Accept({shop.TextOf("ADD", ada, "Likes tea")});
  CHECK(shop.IsDoneAtOnce());
  CHECK(shop.Nick() == "Likes tea");

  shop.sim.Update(ada, "Likes coffee", false);
  shop.Accept({shop.TextOf("UPDATE", ada, "Likes coffee")});
  CHECK(shop.IsDoneAtOnce());
  CHECK(shop.Nick() == "Likes coffee");

  shop.sim.Edit(ada, {{"categories", {"drinks", "habits"}}}, false);
  shop.Accept({shop.Telling("CATEGORIZE", ada, sync::HashOfLabels({"habits", "drinks"}))});
  CHECK(shop.IsDoneAtOnce());
  CHECK(shop.Target().Value("SELECT labels FROM people") == "drinks,habits");
}

namespace {

/// What became of the deliveries, oldest first.
std::string OutcomesOf(const Workshop& shop) {
  auto session = shop.db.Session();
  auto transaction = session.Begin();
  const auto page = sync::DeliveriesStore{transaction}.List({}, 100, std::nullopt);
  REQUIRE(page.has_value());
  std::string all;
  for (auto each = page->deliveries.rbegin(); each != page->deliveries.rend(); ++each) all += each->outcome + " ";
  return all;
}

}  // namespace

TEST_CASE("a delivery that changed nothing says so, and goes on saying so when a later one changes rows", "[reading][pg]") {
  Announcing shop;
  shop.options.read_lag = 0ms;
  const std::string ada = shop.sim.Add("ada", "Likes tea", nullptr, {}, false);
  const auto deliver = [&](const std::string& text) {
    shop.sim.Update(ada, text, false);
    shop.Accept({shop.TextOf("UPDATE", ada, text)});
    shop.Work();
  };
  deliver("Likes coffee");
  CHECK(OutcomesOf(shop) == "applied ");
  CHECK(shop.counters.lag.Counts().Total() == 1);
  deliver("Likes coffee");
  CHECK(OutcomesOf(shop) == "applied unchanged ");
  CHECK(shop.counters.lag.Counts().Total() == 1);
  deliver("Likes milk");
  CHECK(OutcomesOf(shop) == "applied unchanged applied ");
  CHECK(shop.counters.lag.Counts().Total() == 2);
  deliver("Likes milk");
  CHECK(OutcomesOf(shop) == "applied unchanged applied unchanged ");
  // A refused one has changed nothing until it is applied; then it has.
  shop.Target().Run("ALTER TABLE people ADD CONSTRAINT no_beer CHECK (nick NOT LIKE '%beer')");
  deliver("Likes beer");
  CHECK(OutcomesOf(shop) == "parked parked parked parked parked ");  // the memory is, and they all named it
  shop.Target().Run("ALTER TABLE people DROP CONSTRAINT no_beer");
  deliver("Likes beer");
  CHECK(OutcomesOf(shop) == "applied unchanged applied unchanged applied applied ");
}

TEST_CASE("a delivery whose memory was refused several times before it could be applied is applied", "[reading][pg]") {
  Announcing shop;
  shop.options.read_lag = 0ms;
  shop.Target().Run("ALTER TABLE people ADD CONSTRAINT no_beer CHECK (nick NOT LIKE '%beer')");
  const std::string ada = shop.sim.Add("ada", "Likes beer", nullptr, {}, false);
  for (int i = 0; i < 2; ++i) {
    shop.Deliver("ADD", ada);
    shop.Work();
  }
  CHECK(OutcomesOf(shop) == "parked parked ");
  shop.Target().Run("ALTER TABLE people DROP CONSTRAINT no_beer");
  shop.db.Run(
      "SELECT membridge.mark(array_agg(bucket), array_agg(project::text), array_agg(memory_id::text), 'manual') FROM "
      "membridge.memories");
  shop.Work();
  CHECK(OutcomesOf(shop) == "applied applied ");
}

TEST_CASE("however often a memory changes, what is remembered of it stays small", "[reading][pg]") {
  Announcing shop;
  shop.options.read_lag = 0ms;
  const std::string ada = shop.sim.Add("ada", "0", nullptr, {}, false);
  for (int i = 1; i <= 12; ++i) {
    shop.sim.Update(ada, std::to_string(i), false);
    shop.Accept({shop.TextOf("UPDATE", ada, std::to_string(i))});
    shop.Work();
    shop.Accept({shop.TextOf("UPDATE", ada, std::to_string(i))});
    shop.Work();
  }
  CHECK(shop.db.Value("SELECT cardinality(changes) FROM membridge.memories") == "8");
  CHECK(OutcomesOf(shop).ends_with("applied unchanged applied unchanged applied unchanged "));
}

TEST_CASE("what is read is looked at twice unless exactly that was announced, as news, by one delivery", "[reading][pg]") {
  Announcing shop;
  const std::string ada = shop.sim.Add("ada", "Likes tea", nullptr, {}, false);
  shop.Accept({shop.TextOf("ADD", ada, "Likes tea")});
  REQUIRE(shop.IsDoneAtOnce());
  SECTION("something else was announced: a replica may lag") {
    shop.Accept({shop.TextOf("UPDATE", ada, "Likes coffee")});
    CHECK_FALSE(shop.IsDoneAtOnce());
  }
  SECTION("nothing was announced") {
    shop.sim.Update(ada, "Likes coffee", false);
    shop.Deliver("UPDATE", ada);
    CHECK_FALSE(shop.IsDoneAtOnce());
    CHECK(shop.Nick() == "Likes coffee");
  }
  SECTION("it is no news: the delivery may be of a change and of one that was taken back") {
    shop.Accept({shop.TextOf("UPDATE", ada, "Likes tea")});
    CHECK_FALSE(shop.IsDoneAtOnce());
  }
  SECTION("several deliveries stand behind the mark") {
    shop.sim.Update(ada, "Likes coffee", false);
    shop.Accept({shop.TextOf("UPDATE", ada, "Likes coffee"), shop.TextOf("UPDATE", ada, "Likes milk")});
    CHECK_FALSE(shop.IsDoneAtOnce());
  }
  SECTION("the memory was marked for another reason as well") {
    shop.sim.Update(ada, "Likes coffee", false);
    shop.Accept({shop.TextOf("UPDATE", ada, "Likes coffee")});
    Mark(shop.db, {ada}, "sweep");
    CHECK_FALSE(shop.IsDoneAtOnce());
  }
  SECTION("a forged delivery names the text") {
    shop.sim.Update(ada, "Likes coffee", false);
    shop.Accept({shop.TextOf("UPDATE", ada, "Likes poison")});
    CHECK_FALSE(shop.IsDoneAtOnce());
    CHECK(shop.Nick() == "Likes coffee");
  }
}

}  // namespace membridge::test
