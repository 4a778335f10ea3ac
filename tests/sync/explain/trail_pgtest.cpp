// Deliveries followed until they are rows.
#include "sync/explain/trail.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using nlohmann::json;
using sync::TrailStep;
using Kind = sync::TrailStep::Kind;
using Told = std::vector<std::string>;

constexpr const char* kTrailTables = "CREATE TABLE people (id text PRIMARY KEY, nick varchar(10))";
const std::map<std::string, std::string> kTrailMappings{
    {"people.yaml", "rows: {person: {table: people, key: {id: $memory.user_id}, set: {nick: $memory.text}}}"}};

/// A workshop, and somebody who watches.
struct Watched {
  explicit Watched(sync::TrailFilter filter = {}, Workshop::Tables tables = Workshop::Tables::kWithState)
      : shop(kTrailTables, kTrailMappings, tables), trail(state, {{"default", LedgerSession(tables)}}, std::move(filter)) {
    shop.options.read_lag = std::chrono::milliseconds{0};
  }
  sync::postgres::Session* LedgerSession(Workshop::Tables tables) {
    if (tables == Workshop::Tables::kWithState) return nullptr;
    elsewhere.emplace(shop.Target().Session());
    return &*elsewhere;
  }
  /// Received at this moment.
  void Accept(std::vector<sync::Delivery> deliveries) {
    for (sync::Delivery& delivery : deliveries) delivery.received_at = SystemClock{}.Now();
    shop.Accept(deliveries);
  }
  void Deliver(const std::string& type, const std::string& memory) { Accept({shop.DeliveryOf({{type, memory}})}); }
  Told Look() {
    Told told;
    last = trail.Look();
    for (const TrailStep& step : last) told.push_back(std::string{NameOf(step.kind)} + " " + step.memory);
    return told;
  }

  Workshop shop;
  sync::postgres::Session state = shop.db.Session();
  std::optional<sync::postgres::Session> elsewhere;
  sync::Trail trail;
  std::vector<TrailStep> last;
};

}  // namespace

TEST_CASE("a delivery is followed from its arrival to its rows", "[trail][pg]") {
  Watched watched{{}, GENERATE(Workshop::Tables::kWithState, Workshop::Tables::kElsewhere)};
  CHECK(watched.Look().empty());
  const std::string ada = watched.shop.sim.Add("ada", "Ada", nullptr, {}, false);
  watched.Deliver("ADD", ada);
  REQUIRE(watched.Look() == Told{"received " + ada});
  CHECK(watched.last[0].verdict == "accepted");
  CHECK_FALSE(watched.last[0].lag);
  CHECK(watched.Look().empty());
  CHECK(watched.trail.UnderWay() == 1);
  watched.shop.Work();
  REQUIRE(watched.Look() == Told{"applied " + ada});
  const TrailStep& step = watched.last[0];
  REQUIRE(step.lag);
  CHECK(step.lag->count() >= 0);
  REQUIRE(step.rows.size() == 1);
  CHECK(step.rows[0].table == "public.people");
  CHECK(step.rows[0].mapping == "people");
  CHECK(step.rows[0].identity == json{{"id", "ada"}});
  CHECK(step.rows[0].cells == json{{"nick", "Ada"}});
  CHECK(watched.Look().empty());
  CHECK(watched.trail.UnderWay() == 0);

  watched.shop.sim.Update(ada, "Countess", false);
  watched.Deliver("UPDATE", ada);
  watched.shop.Work();  // all of it between two looks
  REQUIRE(watched.Look() == Told{"received " + ada, "applied " + ada});
  CHECK(watched.last[1].rows[0].cells == json{{"nick", "Countess"}});

  watched.Deliver("UPDATE", ada);  // announces nothing new
  watched.shop.Work();
  CHECK(watched.Look() == Told{"received " + ada, "applied " + ada});
}

TEST_CASE("what does not become a row tells why", "[trail][pg]") {
  Watched watched;
  SECTION("no such memory at Mem0") {
    watched.Deliver("ADD", "m-made-up");
    watched.Look();
    watched.shop.Work();
    CHECK(watched.Look() == Told{"unknown m-made-up"});
  }
  SECTION("deleted at Mem0") {
    const std::string ada = watched.shop.sim.Add("ada", "Ada", nullptr, {}, false);
    watched.Deliver("ADD", ada);
    watched.shop.Work();
    watched.Look();
    watched.shop.sim.Delete(ada, false);
    watched.Deliver("DELETE", ada);
    watched.shop.Work();
    REQUIRE(watched.Look() == Told{"received " + ada, "withdrawn " + ada});
    CHECK(watched.last[1].rows.empty());
  }
  SECTION("parked: the note has no values, the cause may") {
    const std::string ada = watched.shop.sim.Add("ada", "Augusta Ada King", nullptr, {}, false);
    watched.Deliver("ADD", ada);
    watched.Look();
    watched.shop.Work();
    REQUIRE(watched.Look() == Told{"parked " + ada});
    CHECK(watched.last[0].note.rfind("people.yaml:", 0) == 0);
    CHECK(watched.last[0].note.find("row_rejected") != std::string::npos);
    CHECK_FALSE(watched.last[0].cause.empty());
  }
  SECTION("a delivery that names no memory") {
    watched.Accept({watched.shop.DeliveryOf({})});
    CHECK(watched.Look() == Told{"received "});
    CHECK(watched.trail.UnderWay() == 0);
  }
}

TEST_CASE("only what is about a project or a user is followed", "[trail][pg]") {
  Watched watched{{.user = "ada"}};
  const std::string ada = watched.shop.sim.Add("ada", "Ada", nullptr, {}, false);
  const std::string eve = watched.shop.sim.Add("eve", "Eve", nullptr, {}, false);
  watched.Deliver("ADD", ada);
  watched.Deliver("ADD", eve);
  CHECK(watched.Look().empty());  // nobody knows yet whose they are
  watched.shop.Work();
  CHECK(watched.Look() == Told{"received " + ada, "applied " + ada});
  CHECK(watched.trail.UnderWay() == 0);

  sync::postgres::Session session = watched.shop.db.Session();
  sync::Trail elsewhere{session, {{"default", nullptr}}, {.project = "other"}};
  watched.Deliver("UPDATE", ada);
  CHECK(elsewhere.Look().empty());
}

TEST_CASE("many deliveries are followed, each memory once", "[trail][pg]") {
  Watched watched;
  std::vector<std::string> memories;
  std::vector<sync::Delivery> deliveries;
  for (int i = 0; i < 150; ++i) {
    memories.push_back(watched.shop.sim.Add("u" + std::to_string(i), "Ada", nullptr, {}, false));
    deliveries.push_back(watched.shop.DeliveryOf({{"ADD", memories.back()}}));
  }
  watched.Accept(deliveries);
  CHECK(watched.Look().size() == 150);
  watched.Deliver("UPDATE", memories[0]);
  CHECK(watched.Look() == Told{"received " + memories[0]});
  watched.shop.Work();
  CHECK(watched.Look().size() == 150);
  CHECK(watched.trail.UnderWay() == 0);
}

}  // namespace membridge::test
