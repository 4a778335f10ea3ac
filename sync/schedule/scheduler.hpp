#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/backfill/job.hpp"
#include "sync/backfill/run.hpp"
#include "sync/postgres/kept_session.hpp"
#include "sync/schedule/cron.hpp"

namespace membridge::sync {

/// An entry of `backfill:` in the configuration.
struct Backfill {
  std::string name;
  ProjectId project;
  BackfillKind kind = BackfillKind::kFullSweep;
  RunOptions options{};
  std::string schedule{};  ///< five cron fields; empty: only when asked for
  std::string timezone = "UTC";
  std::chrono::seconds jitter{
      0};  ///< a run starts up to this much later than its moment; the delay is the same whenever it is computed for one moment
};

/// How the scheduler works on runs.
struct SchedulerOptions {
  std::chrono::seconds lease{60};               ///< how long a run stays ours after its last step
  std::size_t at_once = 4;                      ///< runs under way at a time, taking turns
  int most_failures = 20;                       ///< steps that fail in a row before the run does
  std::chrono::milliseconds retry_base{1'000};  ///< the first wait after a failure; doubles with jitter
  std::chrono::milliseconds retry_cap{60'000};
  std::size_t keep = 200;  ///< finished runs remembered per name
};

/// Starts runs when they are due and works on them step by step. Any number of schedulers in any number of processes may share a
/// database: one scheduler holds a run while its lease lasts, and when its process dies, another goes on where it stopped. Runs
/// of one name never overlap: a moment that comes while the last run is under way passes without a run. One run makes up for all
/// moments missed while no scheduler ran. For one thread.
class Scheduler {
 public:
  using MakeJob = std::function<Result<std::unique_ptr<Job>>(const Run&)>;

  /// kRefused: a schedule or time zone that cannot be read.
  static Result<std::unique_ptr<Scheduler>> Make(SchedulerOptions options, std::string state_dsn, std::vector<Backfill> backfills,
                                                 MakeJob make_job, const Clock& clock);
  ~Scheduler();  ///< gives back its runs, so that another scheduler can go on at once

  /// Queues due runs, takes one more when there is room, and does one step of one run. Returns false when there is nothing to do
  /// now. kUnavailable: the state database is away.
  Result<bool> RunOnce();
  /// Returns how long until RunOnce() has something to do, as far as this process knows; at most `patience`.
  std::chrono::milliseconds NextDue(std::chrono::milliseconds patience);

  /// Works only on this run from now on. For a command that runs one backfill and leaves the schedules to `serve`.
  void WorkOnly(std::int64_t run) { only_ = run; }

  /// Returns a backfill's next moment; nothing without a schedule or an entry of that name.
  std::optional<Instant> NextMoment(const std::string& name) const;
  const std::vector<Backfill>& Entries() const { return entries_; }

  /// Queues a run now, for a person, and returns its id. kNotFound: no entry of that name. kRefused: a run of that name is not
  /// finished.
  Result<std::int64_t> Start(const std::string& name, const RunOptions& options);
  /// The same without an entry, as for a sweep from the command line.
  Result<std::int64_t> Start(const Backfill& backfill);

 private:
  struct Timed;
  struct Held;

  Scheduler(SchedulerOptions options, std::string state_dsn, std::vector<Backfill> entries, MakeJob make_job, const Clock& clock);
  void QueueDue();
  bool ClaimOne();
  bool StepOne();
  void Work(Held& held);
  void CountTime(Held& held);
  void Keep(Held& held);
  void Obey(Held& held, const std::string& wanted);
  void FailStep(Held& held, const Error& error);
  void Leave(Held& held, RunState state);

  SchedulerOptions options_;
  std::vector<Backfill> entries_;
  MakeJob make_job_;
  const Clock& clock_;
  postgres::KeptSession state_;
  std::vector<Timed> timed_;
  std::vector<std::unique_ptr<Held>> held_;
  std::size_t turn_ = 0;
  std::optional<std::int64_t> only_;
  std::string holder_;
};

}  // namespace membridge::sync
