#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "sync/backfill/run.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Thrown inside a step when the run is not ours any more: the lease ended and another process took it, or its row is gone. Roll
/// back the step's transaction.
struct RunLost {};

/// The runs in the state database, within the caller's transaction, which outlives the store. Leases use the database's clock;
/// due times and schedules use the caller's `now`. Functions throw postgres::SqlFailure.
class RunStore {
 public:
  explicit RunStore(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Queues a run, due at `due_at`, and returns its id. kRefused: a run of this name is not finished yet, or `scheduled_for`
  /// already had its run.
  Result<std::int64_t> Queue(const Run& run);

  /// Takes one due run that no process holds, for `lease`; the run that waits longest comes first. Leaves out the runs in `held`,
  /// and with `only` all runs but that one.
  std::optional<Run> Claim(const std::string& holder, std::chrono::seconds lease, Instant now,
                           const std::vector<std::int64_t>& held, std::optional<std::int64_t> only = std::nullopt);
  /// Writes what a step changed (cursor, counters, done, total, worked, failures, error, due_at), renews the lease and returns
  /// what is wanted of the run (Run::wanted). Throws RunLost unless the fence is still ours.
  std::string Commit(const Run& run, std::chrono::seconds lease);
  /// Ends our hold on the run and leaves it in this state. Adds a finished run to the totals of its name. Throws RunLost.
  void Leave(const Run& run, RunState state, Instant now);
  /// Gives the run back as it is, so that any process can go on with it.
  void Release(const Run& run);

  std::optional<Run> Find(std::int64_t id);
  /// Returns the unfinished run of this name; there is at most one.
  std::optional<Run> FindActive(const std::string& name);
  /// Returns up to `limit` runs, the newest first. `before`: only runs with a smaller id.
  std::vector<Run> List(const std::optional<std::string>& name, std::size_t limit,
                        std::optional<std::int64_t> before = std::nullopt);
  /// Returns when the next queued or waiting run becomes due; nothing when there is none.
  std::optional<Instant> NextDue();

  /// Cancels a run: at once when no process works on it, else with its next page. kNotFound: no such run. kRefused: it is over
  /// already.
  Result<RunState> Cancel(std::int64_t id, Instant now);
  /// The same for pausing a run and for resuming it.
  Result<RunState> Pause(std::int64_t id);
  Result<RunState> Resume(std::int64_t id, Instant now);

  /// Returns the time from which missed moments of this schedule count: the latest of when it was first seen, when its words
  /// changed, and the moment or the end of its last run.
  Instant MissedSince(const std::string& name, const std::string& schedule, Instant now);
  /// Forgets finished runs, and what belongs to them, beyond the newest `keep` of each name.
  std::size_t Forget(std::size_t keep);
  /// Forgets runs that ended before `ended`.
  std::size_t ForgetBefore(Instant ended);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
