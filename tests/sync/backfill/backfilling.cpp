#include "tests/sync/backfill/backfilling.hpp"

#include <stdexcept>

#include "tests/support/eventually.hpp"
#include "tests/sync/worker/mapping_sets.hpp"

namespace membridge::test {
namespace {

using namespace std::chrono_literals;

}  // namespace

Backfilling::Backfilling(const std::string& schema_sql, const std::string& mapping_yaml)
    : budget_(std::make_shared<sync::mem0::CallBudget>(100'000, 100'000)) {
  db.RunScript(schema_sql);
  mappings_ = MappingSetOf(db, {{"sheet.yaml", mapping_yaml}});
  sync::WorkerOptions options;
  options.read_lag = 20ms;
  options.retry_base = 1ms;
  options.retry_cap = 20ms;
  parts.state_dsn = db.Dsn();
  parts.mappings = [this] { return mappings_; };
  parts.background_client = [this](const ProjectId& project) { return project == kCrm ? Client(true) : nullptr; };
  parts.clock = &clock;
  parts.counters = &counters;
  parts.worker = options;
  parts.sweep.delivery_patience = 0s;
  parts.exporting.deadline = 20s;
  worker_ = std::make_unique<sync::Worker>(
      options, db.Dsn(), parts.mappings, [this](const ProjectId&) { return Client(false); }, clock, counters);
}

void Backfilling::UseMapping(const std::string& mapping_yaml, bool feed) {
  mappings_ = MappingSetOf(db, {{"sheet.yaml", mapping_yaml}}, std::nullopt, feed);
}

std::unique_ptr<sync::mem0::Client> Backfilling::Client(bool background) const {
  sync::mem0::Client::Options options;
  options.base_url = sim.BaseUrl();
  options.api_key = sim.ApiKey();
  options.background = background;
  return std::make_unique<sync::mem0::Client>(options, budget_);
}

std::unique_ptr<sync::Scheduler> Backfilling::NewScheduler(std::vector<sync::Backfill> entries) const {
  sync::SchedulerOptions options;
  options.lease = 1s;
  auto scheduler = sync::Scheduler::Make(options, db.Dsn(), std::move(entries), sync::JobsFrom(parts), clock);
  if (!scheduler) throw std::runtime_error(scheduler.error().message);
  return std::move(*scheduler);
}

std::int64_t Backfilling::Start(sync::Scheduler& scheduler, sync::BackfillKind kind, const sync::RunOptions& options) const {
  const auto id = scheduler.Start({std::string{NameOf(kind)}, kCrm, kind, options});
  if (!id) throw std::runtime_error(id.error().message);
  return *id;
}

sync::Run Backfilling::RunOf(std::int64_t id) const {
  return InTransaction(db, [&](auto& transaction) { return sync::RunStore{transaction}.Find(id).value(); });
}

sync::Run Backfilling::RunToEnd(sync::BackfillKind kind, const sync::RunOptions& options) {
  const auto scheduler = NewScheduler();
  return RunToEnd(*scheduler, Start(*scheduler, kind, options));
}

bool Backfilling::WorkOnce(sync::Scheduler& scheduler) {
  const auto stepped = scheduler.RunOnce();
  const auto claimed = worker_->RunOnce();
  if (!stepped) throw std::runtime_error(stepped.error().message);
  if (!claimed) throw std::runtime_error(claimed.error().message);
  return *stepped || *claimed > 0;
}

sync::Run Backfilling::RunToEnd(sync::Scheduler& scheduler, std::int64_t id) {
  const auto over = [&] {
    while (WorkOnce(scheduler)) continue;
    if (!RunOf(id).Active()) return true;
    clock.Advance(scheduler.NextDue(1s));  // what is due by the database's own clock takes its time
    return false;
  };
  // A whole run of hundreds of steps, perhaps on a busy machine: far more than Eventually() waits for by itself.
  if (!Eventually(over, 3min)) {
    throw std::runtime_error("the run did not end: " + RunOf(id).cursor.dump() + RunOf(id).error);
  }
  return RunOf(id);
}

void Backfilling::Deliver(const std::vector<std::string>& memories) {
  Mark(db, memories);
  Work();
}

void Backfilling::Work() {
  const auto idle = [&] {
    const auto claimed = worker_->RunOnce();
    if (!claimed) throw std::runtime_error(claimed.error().message);
    return *claimed == 0 && db.Count("membridge.dirty") == 0;
  };
  if (!Eventually(idle)) throw std::runtime_error("the queue does not run empty");
}

}  // namespace membridge::test
