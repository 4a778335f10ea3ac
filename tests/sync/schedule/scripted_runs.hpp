#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "sync/backfill/run_store.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/schedule/scheduler.hpp"
#include "tests/support/catch.hpp"
#include "tests/sync/backfill/backfilling.hpp"

namespace membridge::test {

/// A job of so many steps, each of which moves the run on by one.
class ScriptedJob final : public sync::Job {
 public:
  struct Script {
    std::int64_t steps = 3;
    std::chrono::milliseconds wait{0};
    std::function<Result<void>(const sync::Run&)> before{};  ///< called before every step
  };
  ScriptedJob(const PgDatabase& db, const Script& script) : db_(db), script_(script) {}

  Result<Step> Next(sync::Run& run) override {
    if (script_.before) {
      if (auto fine = script_.before(run); !fine) return tl::unexpected<Error>(fine.error());
    }
    if (run.done < script_.steps) ++run.done;
    run.total = script_.steps;
    run.Count("steps", 1);
    auto transaction = session_.Get().Begin();
    Step step;
    step.wanted = sync::RunStore{transaction}.Commit(run, std::chrono::seconds{60});
    transaction.Commit();
    step.over = run.done == script_.steps;
    step.wait = script_.wait;
    return step;
  }

 private:
  const PgDatabase& db_;
  sync::postgres::KeptSession session_{[this] { return db_.Session(); }};
  const Script& script_;
};

struct Runs {
  PgDatabase db;
  FakeClock clock{*ParseRfc3339("2026-03-01T00:00:00Z")};
  ScriptedJob::Script script;

  std::unique_ptr<sync::Scheduler> Scheduling(std::vector<sync::Backfill> entries = {}, sync::SchedulerOptions options = {}) {
    auto made = sync::Scheduler::Make(
        options, db.Dsn(), std::move(entries),
        [this](const sync::Run&) -> Result<std::unique_ptr<sync::Job>> { return std::make_unique<ScriptedJob>(db, script); },
        clock);
    if (!made) throw std::runtime_error(made.error().message);
    return std::move(*made);
  }
  std::vector<sync::Run> All() {
    return InTransaction(db, [](auto& transaction) { return sync::RunStore{transaction}.List(std::nullopt, 100); });
  }
  sync::Run Find(std::int64_t id) {
    return InTransaction(db, [&](auto& transaction) { return sync::RunStore{transaction}.Find(id).value(); });
  }
  std::string State(std::int64_t id) { return std::string{NameOf(Find(id).state)}; }
  void EndLeases() { db.Run("UPDATE membridge.backfill_runs SET held_until = statement_timestamp() - interval '1 second'"); }
};

inline sync::Backfill Entry(const std::string& name, const std::string& schedule) {
  sync::Backfill entry;
  entry.name = name;
  entry.project = kCrm;
  entry.schedule = schedule;
  return entry;
}

inline void Exhaust(sync::Scheduler& scheduler) {
  for (int i = 0; i < 1000; ++i) {
    const auto worked = scheduler.RunOnce();
    REQUIRE(worked);
    if (!*worked) return;
  }
  FAIL("the scheduler never has enough");
}

}  // namespace membridge::test
