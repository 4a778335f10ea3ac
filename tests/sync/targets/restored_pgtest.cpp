// State and target as two databases, of which one is restored, copied or lost.

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "sync/erase/erasure.hpp"
#include "sync/erase/lifting.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/queue/claiming.hpp"
#include "tests/sync/targets/backup.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using sync::LedgerLook;
using sync::LedgerTie;
using Standing = LedgerLook::Standing;
using Strings = std::vector<std::string>;

constexpr const char* kRestoredTables = "CREATE TABLE people (ref text PRIMARY KEY, said text)";
const std::map<std::string, std::string> kPeopleOnly{
    {"people.yaml", "rows: {person: {table: people, key: {ref: $memory.user_id}, set: {said: $memory.text}, gone: delete}}"}};
constexpr const char* kAll = "SELECT ref || ' ' || said FROM people ORDER BY ref";

/// A bridge whose target is a database of its own, with people in it.
struct Office {
  Office() : shop(kRestoredTables, kPeopleOnly, Workshop::Tables::kElsewhere) {}

  std::string Say(const std::string& user, const std::string& text) {
    const std::string id = shop.sim.Add(user, text, nullptr, {}, false);
    shop.Deliver("ADD", id);
    return ids[user] = id;
  }
  void Say(int first, int last, const std::string& text) {
    for (int i = first; i <= last; ++i) Say("u" + std::to_string(100 + i), text);
  }
  void Change(const std::string& user, const std::string& text) {
    shop.sim.Update(ids.at(user), text, false);
    shop.Deliver("UPDATE", ids.at(user));
  }
  void Delete(const std::string& user) {
    shop.sim.Delete(ids.at(user), false);
    shop.Deliver("DELETE", ids.at(user));
  }

  void Deliver(const std::string& user) { shop.Deliver("UPDATE", ids.at(user)); }

  LedgerLook Look() {
    auto state = shop.db.Session();
    auto there = shop.Target().Session();
    return LedgerTie{state, there, "default"}.Look();
  }
  bool Adopt() {
    auto state = shop.db.Session();
    auto there = shop.Target().Session();
    return LedgerTie{state, there, "default"}.Adopt().value();
  }
  void Erase(const std::string& user) {
    const auto receipt =
        sync::Erasure(shop.db.Dsn(), {{"default", shop.Target().Dsn(), {}}}, kCrm, user).Run(SystemClock{}.Now());
    if (!receipt) FAIL(receipt.error().message);
  }
  Strings Rows() const { return shop.Column(kAll); }
  std::string Incarnation() const { return shop.Target().Value("SELECT incarnation FROM membridge.belonging"); }
  /// As if another state had taken the ledger over.
  void GiveAway() const {
    shop.Target().Run("UPDATE membridge.belonging SET state = gen_random_uuid(), incarnation = gen_random_uuid()");
  }

  Workshop shop;
  std::map<std::string, std::string> ids;
};

}  // namespace

TEST_CASE("state and ledger know one another from the first batch on", "[targets][worker][pg][T12]") {
  Office office;
  CHECK(office.Look().standing == Standing::kUnclaimed);
  office.Say("ada", "Paris");
  office.shop.Work();
  CHECK(office.Look().standing == Standing::kOurs);
  CHECK(office.shop.Target().Value("SELECT state_place FROM membridge.belonging") ==
        office.shop.db.Value("SELECT membridge.whereabouts()"));
  CHECK(office.Incarnation() == office.shop.db.Value("SELECT incarnation FROM membridge.ledgers"));
  CHECK(office.shop.Target().Value("SELECT max(fence) FROM membridge.fences") ==
        office.shop.db.Value("SELECT max(fence) FROM membridge.ledger_fences"));
}

TEST_CASE("a state restored from yesterday lifts its fences: what is delivered then, and what was lost, becomes right",
          "[targets][worker][pg][T12]") {
  Office office;
  office.Say(1, 30, "Paris");
  office.shop.Work();
  const Backup yesterday{office.shop.db, "yesterday"};
  office.Say(31, 40, "Paris");  // the state will know nothing of these
  for (int i = 1; i <= 8; ++i) office.Change("u" + std::to_string(100 + i), "Rome");
  for (int i = 9; i <= 10; ++i) office.Delete("u" + std::to_string(100 + i));
  office.shop.Work();
  const std::string before = office.Incarnation();
  office.shop.sim.Delete(office.ids.at("u140"), false);  // and nobody hears of this one

  yesterday.Restore();
  CHECK(office.Look().standing == Standing::kStateOlder);
  for (int i = 11; i <= 20; ++i) office.Change("u" + std::to_string(100 + i), "Oslo");
  for (int i = 21; i <= 25; ++i) office.Delete("u" + std::to_string(100 + i));
  office.shop.Work();
  Strings right;
  for (int i = 1; i <= 39; ++i) {
    if (i == 9 || i == 10 || (i >= 21 && i <= 25)) continue;
    right.push_back("u" + std::to_string(100 + i) + (i <= 8 ? " Rome" : i >= 11 && i <= 20 ? " Oslo" : " Paris"));
  }
  CHECK(office.Rows() == right);
  CHECK(office.Look().standing == Standing::kOurs);
  CHECK(office.Incarnation() != before);
}

TEST_CASE("a value that went back to what the restored state knows is written again", "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  const Backup yesterday{office.shop.db, "yesterday"};
  office.Change("ada", "Rome");
  office.shop.Work();
  office.shop.sim.Update(office.ids.at("ada"), "Paris", false);
  yesterday.Restore();
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Paris"});
}

TEST_CASE("of a target restored from a backup nothing counts as applied, and the mirror is applied again",
          "[targets][worker][pg][T12]") {
  Office office;
  office.Say(1, 9, "Paris");
  office.shop.Work();
  const Backup yesterday{office.shop.Target(), "yesterday"};
  office.Say(10, 12, "Paris");
  office.Change("u101", "Rome");
  office.Delete("u102");
  office.shop.Work();
  const Strings right = office.Rows();

  yesterday.Restore();
  CHECK(office.Rows().size() == 9);
  CHECK(office.Look().standing == Standing::kTargetOlder);
  office.shop.sim.ResetCalls();
  office.shop.Work();
  CHECK(office.Rows() == right);
  CHECK(office.shop.sim.Calls("memories.list") + office.shop.sim.Calls("memories.get") == 0);
  CHECK(office.Look().standing == Standing::kOurs);
}

TEST_CASE("events that a restored target lost are counted again from the journal, each once",
          "[targets][worker][events][pg][T12]") {
  Workshop shop{"CREATE TABLE per_type (type text PRIMARY KEY, events int NOT NULL DEFAULT 0)",
                {{"events.yaml", "from: event\nrows: {count: {table: per_type, key: {type: $event.type}, add: {events: 1}}}"}},
                Workshop::Tables::kElsewhere};
  constexpr const char* kCounts = "SELECT type || ' ' || events FROM per_type ORDER BY type";
  const std::string tea = shop.sim.Add("ada", "Likes tea", nullptr, {}, false);
  shop.Deliver("ADD", tea);
  shop.Deliver("UPDATE", tea);
  shop.Work();
  const Backup yesterday{shop.Target(), "yesterday"};
  shop.Deliver("UPDATE", tea);
  const std::string coffee = shop.sim.Add("ada", "Likes coffee", nullptr, {}, false);
  shop.Deliver("ADD", coffee);
  shop.Work();
  REQUIRE(shop.Column(kCounts) == Strings{"ADD 2", "UPDATE 2"});
  yesterday.Restore();
  REQUIRE(shop.Column(kCounts) == Strings{"ADD 1", "UPDATE 1"});
  shop.Work();
  CHECK(shop.Column(kCounts) == Strings{"ADD 2", "UPDATE 2"});
}

TEST_CASE("a person who is admitted again is admitted by the ledger, too", "[targets][worker][erase][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  office.Erase("ada");
  CHECK(office.shop.Target().Count("membridge.kept_out") == 2);
  auto state = office.shop.db.Session();
  REQUIRE(sync::Lifting{state}.Lift(kCrm, "ada", {MemoryId{office.ids.at("ada")}}));
  office.Deliver("ada");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Paris"});
  CHECK(office.shop.Target().Count("membridge.kept_out") == 0);
}

TEST_CASE("a target restored from before the ledger was last taken over is recognised", "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  const Backup target{office.shop.Target(), "target"};
  const Backup state{office.shop.db, "state"};
  office.Change("ada", "Rome");
  office.shop.Work();
  state.Restore();
  office.shop.Work();  // takes it over, since the state was older
  CHECK(office.Rows() == Strings{"ada Rome"});
  target.Restore();
  CHECK(office.Look().standing == Standing::kTargetOlder);
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Rome"});
}

TEST_CASE("an empty target in the place of the old one is filled from the mirror", "[targets][worker][pg][T12]") {
  Office office;
  const Backup empty{office.shop.Target(), "empty"};
  office.Say("ada", "Paris");
  office.shop.Work();
  empty.Restore();
  office.shop.Target().Run("UPDATE membridge.belonging SET ledger = gen_random_uuid()");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Paris"});
}

TEST_CASE("nothing is written to the ledger of another state until it is adopted, and deliveries are stored",
          "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.Say("ben", "Paris");
  office.shop.Work();
  office.GiveAway();
  office.Change("ada", "Rome");
  office.Delete("ben");
  office.Say("cleo", "Cairo");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Paris", "ben Paris"});
  const LedgerLook look = office.Look();
  CHECK(look.standing == Standing::kForeign);
  CHECK(sync::ForeignLedger("default", look).hint.find("membridge targets adopt default") != std::string::npos);
  CHECK(office.shop.db.Count("membridge.targets WHERE refused_since IS NOT NULL") == 1);
  const auto worker = office.shop.NewWorker();
  CHECK(worker->MayWrite(kCrm).error().code == ErrorCode::kRefused);

  CHECK(office.Adopt());
  CHECK_FALSE(office.Adopt());
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Rome", "cleo Cairo"});
  CHECK(office.shop.NewWorker()->MayWrite(kCrm));
}

TEST_CASE("what was left out is applied when the ledger is this state's again", "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  const Backup ours{office.shop.Target(), "ours"};
  office.GiveAway();
  office.Change("ada", "Rome");
  office.Say("ben", "Oslo");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Paris"});
  ours.Restore();
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Rome", "ben Oslo"});
}

TEST_CASE("a worker at work notices at once that another state took the ledger over", "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  const auto worker = office.shop.NewWorker();
  REQUIRE(worker->RunOnce());
  office.GiveAway();
  office.Change("ada", "Rome");
  for (int round = 0; round < 5; ++round) CHECK(worker->RunOnce());
  CHECK(office.Rows() == Strings{"ada Paris"});
}

TEST_CASE("a takeover waits for those who are writing, and they for it", "[targets][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  const std::string known = office.Look().known;
  auto there = office.shop.Target().Session();
  auto other = office.shop.Target().Session();
  auto writing = there.Begin();
  sync::EnterLedger(writing, known, 7);
  CHECK(other.Run("SELECT pg_try_advisory_lock(x'6c6564676572'::bigint)").Text(0, 0) == "f");
  writing.Commit();
  office.GiveAway();
  auto late = there.Begin();
  CHECK_THROWS_AS(sync::EnterLedger(late, known, 8), sync::postgres::SqlFailure);
}

TEST_CASE("many sessions that find the state restored at the same time take the ledger over once", "[targets][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    // As after a restore: the ledger names an incarnation that this state does not know yet, and a claim that it never gave.
    office.shop.db.Run("UPDATE membridge.ledgers SET incarnation = NULL");
    const std::string before = office.Incarnation();
    std::atomic<int> waiting{0};
    std::atomic<int> admitted{0};
    std::set<std::string> known;
    std::mutex mutex;
    std::vector<std::jthread> sessions;
    constexpr int kSessions = 6;
    for (int i = 0; i < kSessions; ++i) {
      sessions.emplace_back([&] {
        auto state = office.shop.db.Session();
        auto there = office.shop.Target().Session();
        LedgerTie tie{state, there, "default"};
        ++waiting;
        while (waiting < kSessions) std::this_thread::yield();
        for (;;) {
          const auto admission = tie.Admit();
          if (!admission && admission.error().code == ErrorCode::kUnavailable) continue;
          const std::scoped_lock lock{mutex};
          if (admission) known.insert(admission->known);
          admitted += admission.has_value();
          return;
        }
      });
    }
    sessions.clear();
    CHECK(admitted == kSessions);
    CHECK(known.size() == 1);
    CHECK(office.Incarnation() != before);
    CHECK(office.shop.db.Count("membridge.ledgers WHERE next_incarnation IS NULL") == 1);
  }
}

TEST_CASE("a copy of the state is another one, until it adopts the ledger; then the former one stops",
          "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  // Every database of these tests is a copy of one template, and has its state's id.
  const PgDatabase copy;
  CHECK(copy.Value("SELECT id FROM membridge.state_identity") == office.shop.db.Value("SELECT id FROM membridge.state_identity"));
  auto state = copy.Session();
  auto there = office.shop.Target().Session();
  LedgerTie tie{state, there, "default"};
  CHECK(tie.Look().standing == Standing::kForeign);
  CHECK(tie.Admit().error().code == ErrorCode::kRefused);
  CHECK(tie.Adopt().value());
  CHECK(tie.Look().standing == Standing::kOurs);
  CHECK(copy.Value("SELECT last_value >= $1::bigint FROM membridge.fence",
                   {office.shop.Target().Value("SELECT max(fence) FROM membridge.sources")}) == "t");
  office.Change("ada", "Rome");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Paris"});
  CHECK(office.Look().standing == Standing::kForeign);
}

TEST_CASE("a takeover that was cut off between the two databases is ended by whoever comes next", "[targets][worker][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  const std::string next = office.shop.db.Value("SELECT gen_random_uuid()");
  office.shop.db.Run("UPDATE membridge.ledgers SET next_incarnation = $1::uuid, repair = 'reproject'", {next});
  SECTION("before it reached the ledger") {}
  SECTION("after it did") {
    office.shop.Target().Run("UPDATE membridge.belonging SET incarnation = $1::uuid", {next});
    CHECK(office.Look().standing == Standing::kUnfinished);
  }
  office.Change("ada", "Rome");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ada Rome"});
  CHECK(office.Look().standing == Standing::kOurs);
}

TEST_CASE("a ledger of a release before this is claimed as it is, unless its claims are higher than any this state gave",
          "[targets][worker][pg][T12]") {
  Office office;
  office.shop.Target().Run("INSERT INTO membridge.fences VALUES ($1::bigint)", {GENERATE("0", "1000")});
  const bool is_higher = office.shop.Target().Count("membridge.fences WHERE fence > 0") == 1;
  CHECK((office.Look().standing == Standing::kForeign) == is_higher);
  office.Say("ada", "Paris");
  office.shop.Work();
  CHECK(office.Rows().empty() == is_higher);
}

TEST_CASE("who was erased stays erased when the state is restored from before the erasure", "[targets][worker][erase][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.Say("ben", "Oslo");
  office.shop.Work();
  const Backup yesterday{office.shop.db, "yesterday"};
  office.Erase("ada");
  CHECK(office.Rows() == Strings{"ben Oslo"});
  office.Change("ben", "Rome");
  office.shop.Work();

  yesterday.Restore();
  CHECK(office.shop.db.Count("membridge.suppressions") == 0);
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ben Rome"});
  CHECK(office.shop.db.Count("membridge.suppressions") == 2);
  CHECK(office.shop.db.Count("membridge.memories WHERE user_id = 'ada'") == 0);
}

TEST_CASE("who was erased is erased again when the target is restored from before the erasure",
          "[targets][worker][erase][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.Say("ben", "Oslo");
  office.shop.Work();
  const Backup yesterday{office.shop.Target(), "yesterday"};
  office.Erase("ada");
  office.Change("ben", "Rome");
  office.shop.Work();

  yesterday.Restore();
  CHECK(office.Rows() == Strings{"ada Paris", "ben Oslo"});
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ben Rome"});
  CHECK(office.shop.Target().Count("membridge.kept_out") == 2);
}

TEST_CASE("a new state that adopts the ledger of a lost one keeps out whom that one erased",
          "[targets][worker][erase][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.Say("ben", "Oslo");
  const Backup nothing{office.shop.db, "nothing"};
  office.shop.Work();
  office.Erase("ada");
  nothing.Restore();
  office.shop.db.RunScript(
      "DELETE FROM membridge.dirty; DELETE FROM membridge.deliveries; UPDATE membridge.state_identity SET id = gen_random_uuid();"
      "UPDATE membridge.suppression_salt SET salt = sha256('another')");
  CHECK(office.Look().standing == Standing::kForeign);
  CHECK(office.Adopt());
  office.Deliver("ada");
  office.Deliver("ben");
  office.shop.Work();
  CHECK(office.Rows() == Strings{"ben Oslo"});
  CHECK(office.shop.db.Count("membridge.other_salts") == 1);
}

TEST_CASE("an erasure does nothing while a target has the ledger of another state", "[targets][erase][pg][T12]") {
  Office office;
  office.Say("ada", "Paris");
  office.shop.Work();
  office.GiveAway();
  sync::Erasure erasure{office.shop.db.Dsn(), {{"default", office.shop.Target().Dsn(), {}}}, kCrm, "ada"};
  CHECK(erasure.Count().error().code == ErrorCode::kRefused);
  CHECK(erasure.Run(SystemClock{}.Now()).error().code == ErrorCode::kRefused);
  CHECK(office.shop.db.Count("membridge.suppressions") == 0);
  CHECK(office.Rows() == Strings{"ada Paris"});
}

}  // namespace membridge::test
