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

/// Thrown inside a step when the run is not ours any more: the lease ended and someone else took it, or its row is gone. The
/// step's transaction must be rolled back.
struct RunLost {};

/// The runs in the state database, within the caller's transaction, which outlives the store. Leases go by the database's clock,
/// everything about schedules by the caller's `now`. Functions throw postgres::SqlFailure.
class RunStore {
 public:
  explicit RunStore(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Queues a run, due at `due_at`. kRefused when a run of this name is not finished yet, or the moment has had its run.
  Result<std::int64_t> Queue(const Run& run);

  /// Takes one run that is due and in nobody's hands, the longest-waiting first, for `lease`; those in `held` are passed
  /// over, and all but `only` when it is given.
  std::optional<Run> Claim(const std::string& holder, std::chrono::seconds lease, Instant now,
                           const std::vector<std::int64_t>& held, std::optional<std::int64_t> only = std::nullopt);
  /// Writes what a step changed (cursor, counters, done, total, worked, failures, error, due_at), renews the lease and returns
  /// what is wanted of the run. Throws RunLost unless the fence is still ours.
  std::string Commit(const Run& run, std::chrono::seconds lease);
  /// Ends our hold on it in the given state; what is over is added to the totals of its name. Throws RunLost.
  void Leave(const Run& run, RunState state, Instant now);
  /// Gives it back as it stands, for anybody to go on with.
  void Release(const Run& run);

  std::optional<Run> Find(std::int64_t id);
  /// The run of this name that is not over yet; there is at most one.
  std::optional<Run> FindActive(const std::string& name);
  /// The newest first; `before`: only those with a smaller number.
  std::vector<Run> List(const std::optional<std::string>& name, std::size_t limit,
                        std::optional<std::int64_t> before = std::nullopt);
  /// When the next queued or waiting run becomes due; nothing when there is none.
  std::optional<Instant> NextDue();

  /// Cancels a run: at once when nobody works on it, else with its next page. kNotFound, or kRefused when it is over already.
  Result<RunState> Cancel(std::int64_t id, Instant now);
  /// The same for pausing and for going on again.
  Result<RunState> Pause(std::int64_t id);
  Result<RunState> Resume(std::int64_t id, Instant now);

  /// Since when moments of this schedule count that had no run: when it was first seen, when its words changed, and what its last
  /// run stood for or ended at.
  Instant MissedSince(const std::string& name, const std::string& schedule, Instant now);
  /// Forgets finished runs, and what belongs to them, beyond the newest `keep` of each name.
  std::size_t Forget(std::size_t keep);
  /// Forgets those that ended before this.
  std::size_t ForgetBefore(Instant ended);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
