#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sync/backfill/run_store.hpp"
#include "sync/mem0/client.hpp"
#include "sync/schedule/jobs.hpp"
#include "sync/worker/worker.hpp"
#include "tests/support/mem0_sim.hpp"
#include "tests/sync/queue/claiming.hpp"

namespace membridge::test {

/// Stands where it is put. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Instant now = SystemClock{}.Now()) : now_(now) {}
  Instant Now() const override { return now_; }
  void Advance(std::chrono::microseconds by) { now_ = now_.load() + by; }

 private:
  std::atomic<Instant> now_;
};

/// A local Mem0, a database with target tables, one mapping, a worker and a scheduler, all driven by hand.
class Backfilling {
 public:
  Backfilling(const std::string& schema_sql, const std::string& mapping_yaml);

  sync::JobParts Parts() const;
  std::unique_ptr<sync::mem0::Client> Client(bool background) const;
  /// A scheduler of its own, as another process would have.
  std::unique_ptr<sync::Scheduler> NewScheduler(std::vector<sync::Backfill> entries = {}) const;

  /// A sweep or export asked for by hand, and worked to its end together with the workers.
  sync::Run RunToEnd(sync::BackfillKind kind, const sync::RunOptions& options = {});
  /// Works a run that was started already.
  sync::Run RunToEnd(sync::Scheduler& scheduler, std::int64_t id);
  /// One round of both; false when there was nothing to do.
  bool WorkOnce(sync::Scheduler& scheduler);
  sync::Run RunOf(std::int64_t id) const;
  std::int64_t Start(sync::Scheduler& scheduler, sync::BackfillKind kind, const sync::RunOptions& options = {}) const;
  /// Another mapping instead, as after an edit of its file. `feed`: changes are told.
  void UseMapping(const std::string& mapping_yaml, bool feed = false);
  /// Delivers: marks these memories dirty and lets the worker bring them in.
  void Deliver(const std::vector<std::string>& memories);
  void Work();  ///< until the queue is empty

  const PgDatabase db;
  Mem0Sim sim;
  FakeClock clock;
  sync::JobParts parts;  ///< options may be changed before a scheduler is made
  sync::WorkerCounters counters;

 private:
  std::shared_ptr<const sync::MappingSet> mappings_;
  std::shared_ptr<sync::mem0::CallBudget> budget_;
  std::unique_ptr<sync::Worker> worker_;
};

}  // namespace membridge::test
