#include "sync/inbox/delivery_log.hpp"
#include "sync/inbox/events.hpp"
#include "sync/queue/parked.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using Strings = std::vector<std::string>;

constexpr const char* kEventsTables =
    "CREATE TABLE fact (event_id uuid PRIMARY KEY, type text NOT NULL, memory_id text NOT NULL, text text, at timestamptz NOT "
    "NULL);"
    "CREATE TABLE per_day (day date, type text, events int NOT NULL DEFAULT 0, chars bigint NOT NULL DEFAULT 0, PRIMARY KEY "
    "(day, type))";
constexpr const char* kEvents = R"(
from: event
rows:
  fact:
    table: fact
    key: {event_id: $event.id}
    new: {type: $event.type, memory_id: $memory.id, text: $memory.text, at: $event.time}
  daily:
    when: $fact.created
    table: per_day
    key: {day: $event.time | date, type: $event.type}
    add: {events: 1, chars: $memory.text | or('') | length}
)";
const std::string kNoSuchMemory = "00000000-0000-4000-8000-00000000dead";

/// A workshop with a mapping that counts.
struct Counting : Workshop {
  explicit Counting(Tables tables = Tables::kWithState) : Workshop(kEventsTables, {{"events.yaml", kEvents}}, tables) {}
};

/// A memory of Ada's, of which nobody is told.
std::string Likes(Workshop& shop, const std::string& what) {
  return shop.sim.Add("ada", "Likes " + what, nullptr, {}, false);
}

Strings Counted(const Workshop& shop) {
  return shop.Column("SELECT type || ' ' || events || ' ' || chars FROM per_day ORDER BY type");
}

}  // namespace

TEST_CASE("every delivery is counted once, with the memory as Mem0 answers it", "[events][pg]") {
  Counting shop;
  const std::string tea = Likes(shop, "tea");
  const sync::Delivery added = shop.DeliveryOf({{"ADD", tea}});
  shop.Accept({added});
  shop.Work();
  shop.Deliver("UPDATE", tea);
  shop.Deliver("UPDATE", tea);
  shop.Work();
  CHECK(Counted(shop) == Strings{"ADD 1 9", "UPDATE 2 18"});
  CHECK(shop.Column("SELECT memory_id || ' ' || text FROM fact WHERE event_id = '" + added.id.Text() + "'") ==
        Strings{tea + " Likes tea"});
  CHECK(shop.counters.events_counted == 3);
  CHECK(shop.db.Count("membridge.events") == 0);
}

TEST_CASE("nothing that comes again is counted again", "[events][pg]") {
  Counting shop;
  const std::string tea = Likes(shop, "tea");
  const sync::Delivery added = shop.DeliveryOf({{"ADD", tea}});

  SECTION("the same delivery stored twice, as after a lost answer") {
    shop.Accept({added, added});
    shop.Accept({added});
    shop.Work();
    shop.Accept({added});
    shop.Work();
  }
  SECTION("a replay of the deliveries") {
    shop.Accept({added});
    shop.Work();
    auto session = shop.db.Session();
    CHECK(sync::ReplayDeliveries(session, {}) == 1);
    shop.Work();
  }
  SECTION("a new generation of the mark while the event is under way") {
    shop.Accept({added});
    const auto claims = ClaimAll(shop.db, std::chrono::seconds{0});
    Mark(shop.db, {tea});
    Settle(shop.db, claims.at(0));
    shop.Work();
    Mark(shop.db, {tea}, "reproject");
    shop.Work();
  }
  SECTION("a retry by hand") {
    shop.Accept({added});
    Mark(shop.db, {tea}, "manual");
    shop.Work();
    Mark(shop.db, {tea}, "manual");
    shop.Work();
  }
  CHECK(Counted(shop) == Strings{"ADD 1 9"});
}

TEST_CASE("an event that was committed in the target, and not yet ended in the queue, is not counted again", "[events][pg]") {
  Counting shop{Workshop::Tables::kElsewhere};
  // The connection to the state dies in its COMMIT, when the target has committed already.
  shop.db.RunScript(
      "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN "
      "NULL; END';"
      "CREATE CONSTRAINT TRIGGER die AFTER DELETE ON membridge.events DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE "
      "FUNCTION die()");
  const std::string tea = Likes(shop, "tea");
  shop.Deliver("ADD", tea);
  {
    const auto worker = shop.NewWorker();
    REQUIRE(Eventually([&] {
      static_cast<void>(worker->RunOnce());
      return shop.Target().Count("fact") == 1;
    }));
  }
  CHECK(shop.db.Count("membridge.events") == 1);
  shop.db.RunScript("DROP TRIGGER die ON membridge.events");
  shop.Work();
  CHECK(Counted(shop) == Strings{"ADD 1 9"});
  CHECK(shop.db.Count("membridge.events") == 0);
}

TEST_CASE("what Mem0 does not bear out is not counted", "[events][pg]") {
  Counting shop;
  const std::string tea = Likes(shop, "tea");
  for (const char* type : {"ADD", "UPDATE", "DELETE", "CATEGORIZE", "OTHER"}) {
    shop.Deliver(type, kNoSuchMemory);
    shop.Deliver(type, "not-an-id");
  }
  shop.Deliver("DELETE", tea);
  shop.Work();
  CHECK(shop.Target().Count("fact") == 0);
  CHECK(shop.Target().Count("per_day") == 0);
  CHECK(shop.counters.events_discarded == 11);
  CHECK(shop.db.Count("membridge.events") == 0);
}

TEST_CASE("a deletion counts once Mem0 confirms it, and the memory then is no more than its name", "[events][pg]") {
  Counting shop;
  const std::string tea = Likes(shop, "tea");
  shop.Deliver("ADD", tea);
  shop.Work();
  shop.sim.Delete(tea, false);
  shop.Deliver("DELETE", tea);
  shop.Work();
  CHECK(Counted(shop) == Strings{"ADD 1 9", "DELETE 1 0"});
  CHECK(shop.Column("SELECT text FROM fact WHERE type = 'DELETE'") == Strings{"null"});
}

TEST_CASE("a delivery of several memories is an event of each", "[events][pg]") {
  Counting shop;
  const std::string tea = Likes(shop, "tea");
  const std::string rum = Likes(shop, "rum");
  const sync::Delivery both = shop.DeliveryOf({{"ADD", tea}, {"UPDATE", rum}});
  shop.Accept({both});
  shop.Work();
  shop.Accept({both});
  shop.Work();
  CHECK(Counted(shop) == Strings{"ADD 1 9", "UPDATE 1 9"});
  CHECK(shop.Column("SELECT DISTINCT memory FROM membridge.sources ORDER BY 1").size() == 2);
}

TEST_CASE("workers that run at once count every event once", "[events][pg]") {
  Counting shop{GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  std::vector<std::string> memories;
  for (int i = 0; i < 6; ++i) memories.push_back(Likes(shop, "tea"));
  shop.options.batch = 2;
  constexpr int kRounds = 15;
  shop.WorkTogether([&] {
    for (int round = 0; round < kRounds; ++round) {
      std::vector<sync::Delivery> deliveries;
      for (const std::string& memory : memories) deliveries.push_back(shop.DeliveryOf({{"UPDATE", memory}}));
      shop.Accept(deliveries);
      shop.Accept({deliveries.front()});
    }
  });
  CHECK(Counted(shop) == Strings{"UPDATE 90 810"});
  CHECK(shop.Target().Count("fact") == 90);
  CHECK(shop.db.Count("membridge.events") == 0);
}

TEST_CASE("a refused event is parked, and counted once its cause has gone", "[events][pg]") {
  constexpr const char* kStrict = R"(
from: event
rows:
  strict:
    table: strict
    key: {event_id: $event.id}
    new: {text: $memory.text}
)";
  Workshop shop{std::string{kEventsTables} +
                    ";CREATE TABLE strict (event_id uuid PRIMARY KEY, text text CONSTRAINT no_tea CHECK (text !~ 'tea'))",
                {{"events.yaml", kEvents}, {"strict.yaml", kStrict}}};
  const std::string tea = Likes(shop, "tea");
  const std::string rum = Likes(shop, "rum");
  shop.Deliver("ADD", tea);
  shop.Deliver("UPDATE", tea);
  shop.Deliver("ADD", rum);
  shop.Work();
  CHECK(shop.Target().Count("strict") == 1);
  CHECK(shop.Target().Count("fact") == 3);
  auto session = shop.db.Session();
  const auto parked =
      InTransaction(session, [](auto& transaction) { return sync::ParkedStore{transaction}.Show({}, 10).value(); });
  REQUIRE(parked.memories.size() == 1);
  CHECK(parked.memories[0].memory.Text() == tea);
  CHECK(parked.memories[0].events == 2);
  CHECK(parked.memories[0].parking.place == "strict.yaml:4");
  CHECK(parked.memories[0].parking.cause.find("violates check constraint \"no_tea\"") != std::string::npos);

  SECTION("a retry that fails again leaves it parked, and counts nothing twice") {
    CHECK(sync::RetryParked(session, {}) == 1);
    shop.Work();
    CHECK(shop.db.Count("membridge.parked WHERE attempts > " + std::to_string(parked.memories[0].attempts)) == 1);
    CHECK(shop.db.Count("membridge.events") == 2);
  }
  SECTION("a retry after the cause has gone") {
    shop.Target().RunScript("ALTER TABLE strict DROP CONSTRAINT no_tea");
    CHECK(sync::RetryParked(session, {}) == 1);
    shop.Work();
    CHECK(shop.Target().Count("strict") == 3);
    CHECK(shop.db.Count("membridge.parked") == 0);
    CHECK(shop.db.Count("membridge.events") == 0);
  }
  SECTION("what is parked for too long goes with its events") {
    const sync::ParkedFilter old{.older_than = std::chrono::seconds{60}};
    CHECK(InTransaction(session, [&](auto& transaction) { return sync::ParkedStore{transaction}.Drop(old); }) == 0);
    shop.db.Run("UPDATE membridge.parked SET parked_at = parked_at - interval '2 minutes'");
    CHECK(InTransaction(session, [&](auto& transaction) { return sync::ParkedStore{transaction}.Drop(old); }) == 1);
    CHECK(shop.db.Count("membridge.events") == 0);
  }
  SECTION("dropped is forgotten: the next event of the memory comes alone") {
    CHECK(InTransaction(session, [](auto& transaction) { return sync::ParkedStore{transaction}.Drop({}); }) == 1);
    CHECK(shop.db.Count("membridge.events") == 0);
    shop.Target().RunScript("ALTER TABLE strict DROP CONSTRAINT no_tea");
    shop.Deliver("UPDATE", tea);
    shop.Work();
    CHECK(shop.Target().Count("strict") == 2);
  }
  CHECK(Counted(shop).front() == "ADD 2 18");
}

TEST_CASE("events whose mapping was taken out are forgotten in time", "[events][pg]") {
  Counting shop;
  shop.Deliver("ADD", Likes(shop, "tea"));
  shop.Remap({});
  shop.Work();
  CHECK(shop.db.Count("membridge.events") == 1);
  const auto forget = [&](std::chrono::seconds age) {
    return InTransaction(shop.db, [&](auto& transaction) { return sync::Events{transaction}.Forget(age); });
  };
  CHECK(forget(std::chrono::hours{1}) == 0);
  CHECK(forget(std::chrono::seconds{0}) == 1);
  shop.Deliver("ADD", Likes(shop, "rum"));
  CHECK(forget(std::chrono::seconds{0}) == 0);
}

TEST_CASE("a project without such mappings keeps no events", "[events][pg]") {
  Workshop shop{kEventsTables,
                {{"facts.yaml",
                  "rows: {fact: {table: fact, key: {event_id: $memory.id}, new: {type: X, memory_id: $memory.id, at: $now}}}"}}};
  const std::string tea = Likes(shop, "tea");
  shop.Deliver("ADD", tea);
  CHECK(shop.db.Count("membridge.events") == 0);
  shop.Work();
  CHECK(shop.Target().Count("fact") == 1);
}

TEST_CASE("what events say of one row stands by the newest, in any order, and is not remembered event by event", "[events][pg]") {
  constexpr const char* kLast = R"(
from: event
rows:
  person:
    table: people
    key: {ref: $memory.user_id}
    new: {since: $event.time}
    set: {last: $event.type, words: $memory.metadata.words}
)";
  Workshop shop{"CREATE TABLE people (ref text PRIMARY KEY, since timestamptz, last text, words text)", {{"last.yaml", kLast}}};
  const std::string tea = shop.sim.Add("ada", "Likes tea", {{"words", "tea"}}, {}, false);
  const std::string rum = Likes(shop, "rum");
  std::vector<sync::Delivery> deliveries;
  for (int i = 0; i < 30; ++i) {
    deliveries.push_back(shop.DeliveryOf({{i == 29 ? "CATEGORIZE" : "UPDATE", i < 10 ? tea : rum}}));
    deliveries.back().received_at += std::chrono::seconds{i};
  }
  std::swap(deliveries[3], deliveries[29]);
  for (std::size_t i = 0; i < deliveries.size(); i += 10) {
    shop.Accept({deliveries.begin() + static_cast<std::ptrdiff_t>(i), deliveries.begin() + static_cast<std::ptrdiff_t>(i + 10)});
    shop.Work();
  }
  CHECK(shop.counters.events_counted == 30);
  CHECK(shop.Column("SELECT last || ' ' || words FROM people") == Strings{"CATEGORIZE tea"});
  CHECK(shop.Target().Count("membridge.contributions") == 3);
}

TEST_CASE("more events of one memory than are given at once are all counted", "[events][pg]") {
  Counting shop;
  const std::string tea = Likes(shop, "tea");
  std::vector<sync::Delivery> deliveries;
  for (int i = 0; i < 450; ++i) deliveries.push_back(shop.DeliveryOf({{"UPDATE", tea}}));
  shop.Accept(deliveries);
  shop.Work();
  CHECK(Counted(shop) == Strings{"UPDATE 450 4050"});
}

}  // namespace membridge::test
