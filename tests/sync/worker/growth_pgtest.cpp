// What is done for one memory costs no more when there are many.

#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <vector>

#include "mappings/memory.hpp"
#include "sync/inbox/fold.hpp"
#include "sync/inbox/postgres_inbox.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/eventually.hpp"
#include "tests/sync/grown.hpp"
#include "tests/sync/worker/workshop.hpp"

namespace membridge::test {
namespace {

using sync::postgres::Session;

const std::string kGrowingNotes = "CREATE TABLE notes (memory_id text PRIMARY KEY, person text, body text)";
const std::map<std::string, std::string> kGrowingMapping{{"notes.yaml",
                                                          "rows: {note: {table: notes, key: {memory_id: $memory.id}, set: "
                                                          "{person: $memory.user_id, body: $memory.text}, gone: delete}}"}};

/// How many memories each step is about. A look at one bucket of 64, let alone at a table, reads far more rows.
constexpr std::size_t kAbout = 12;
/// So many rows more than on an empty database may be read from any table in all steps together.
constexpr std::int64_t kSlack = 40 * kAbout;

/// What FillUp() put into the queue is not due for a day.
const std::string kNothingSoon =
    "SELECT NOT EXISTS (SELECT FROM generate_series(0, 63) AS b, LATERAL (SELECT FROM membridge.dirty d WHERE d.bucket = b AND "
    "d.rank = 0 AND d.due_at < now() + interval '1 hour' ORDER BY d.due_at LIMIT 1) AS soon)";

/// The sessions of a bridge. They keep their plans until they go.
class Hands {
 public:
  explicit Hands(Workshop& shop) : shop_(shop), inbox_(shop.db.Dsn()), folding_(shop.db.Session()), worker_(shop.NewWorker()) {}

  /// Deliveries of memories that are new, changed and gone; pages of a sweep with new, changed and known ones; looks at nothing.
  void WorkThrough(const std::string& round) {
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kAbout; ++i)
      ids.push_back(shop_.sim.Add("person-" + round + std::to_string(i), "likes tea", nullptr, {}, false));
    Deliver("ADD", ids);
    for (const std::string& id : ids) shop_.sim.Update(id, "likes coffee", false);
    Deliver("UPDATE", ids);
    Deliver("UPDATE", ids);
    for (const std::string& id : ids) shop_.sim.Delete(id, false);
    Deliver("DELETE", ids);
    for (const char* text : {"likes water", "likes milk", "likes milk"}) {
      std::vector<mappings::Memory> page;
      for (std::size_t i = 0; i < kAbout; ++i) {
        page.push_back(*mappings::ReadMemory({{"id", fmt::format("{}-{}", round, i)},
                                              {"memory", text},
                                              {"user_id", "swept"},
                                              {"created_at", "2026-03-01T00:00:00Z"},
                                              {"updated_at", "2026-03-01T00:00:00Z"}}));
      }
      REQUIRE(worker_->ApplyRecords(kCrm, page, {}).has_value());
    }
  }

 private:
  void Deliver(const std::string& type, const std::vector<std::string>& ids) {
    for (const std::string& id : ids) REQUIRE(inbox_.Accept({shop_.DeliveryOf({{type, id}})}).has_value());
    sync::Fold::All(folding_);
    const auto idle = [&] {
      const auto claimed = worker_->RunOnce();
      sync::Fold::All(folding_);
      return claimed && *claimed == 0 && shop_.db.Value(kNothingSoon) == "t";
    };
    REQUIRE(Eventually(idle));
  }

  Workshop& shop_;
  sync::PostgresInbox inbox_;
  Session folding_;
  std::unique_ptr<sync::Worker> worker_;
};

/// `read` while there were many, `when_empty` on an empty database. `besides`: what may be read once.
void CheckGrowth(const ReadByTable& when_empty, const ReadByTable& read, const ReadByTable& besides) {
  for (const auto& [table, rows] : read) {
    const auto of = [&](const ReadByTable& reads) { return reads.contains(table) ? reads.at(table) : 0; };
    INFO(table << ": " << rows << " rows, " << of(when_empty) << " on an empty database");
    CHECK(rows <= of(when_empty) + of(besides) + kSlack);
  }
}

}  // namespace

TEST_CASE("deliveries and sweeps read no more rows beside very many memories than beside none", "[worker][pg][growth]") {
  Workshop shop{kGrowingNotes, kGrowingMapping};
  shop.options.vanishing.at_least = 1000;
  ReadByTable before = ReadSoFar(shop.db);
  { Hands{shop}.WorkThrough("empty"); }
  AwaitEnd(shop.db);
  const ReadByTable when_empty = ReadSoFar(shop.db) - before;

  // Plans that were made while the tables were empty.
  const std::int64_t many = ManyMemories();
  auto hands = std::make_unique<Hands>(shop);
  hands->WorkThrough("warm");
  shop.db.Session().RunAlone("VACUUM ANALYZE");
  hands->WorkThrough("vacuumed");
  FillUp(shop.db, "crm", "notes", many);
  before = ReadSoFar(shop.db);
  hands->WorkThrough("sudden");
  hands.reset();
  AwaitEnd(shop.db);
  ReadByTable read = ReadSoFar(shop.db) - before - when_empty - when_empty;
  {
    INFO("plans from when the tables were empty");
    // Such plans serve for a few seconds. A queue is read by buckets then; an application's table, who waits for its rows and
    // what is parked are read whole, and so is a ledger that was filled at once, as only a test can fill it.
    for (const char* table : {"dirty", "notes", "waiting", "contributions", "rows"}) read.erase(table);
    CheckGrowth(when_empty, read, {{"parked", many}, {"suppressions", many / 10}, {"kept_out", many / 10}});
  }

  shop.db.RunScript("ANALYZE");
  before = ReadSoFar(shop.db);
  { Hands{shop}.WorkThrough("analyzed"); }
  AwaitEnd(shop.db);
  INFO("fresh plans");
  // A worker that starts looks once whether what is parked was parked by other mappings, and who was erased.
  CheckGrowth(when_empty, ReadSoFar(shop.db) - before,
              {{"parked", many / 10}, {"suppressions", many / 10}, {"kept_out", many / 10}});
  CHECK(shop.db.Count("membridge.parked") == many / 10);
}

}  // namespace membridge::test
