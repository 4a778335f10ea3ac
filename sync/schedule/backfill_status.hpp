#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/backfill/run.hpp"
#include "sync/postgres/session.hpp"
#include "sync/schedule/scheduler.hpp"

namespace membridge::sync {

/// How one backfill stands: what is configured, when it runs next, and what became of it so far.
struct Standing {
  Backfill backfill;
  std::optional<Instant> paused_at;  ///< its moments are let pass since then
  std::optional<Instant> next;       ///< the next moment; nothing while it is paused, and without a schedule
  std::optional<Run> active;         ///< queued, running or paused
  std::optional<Run> last;           ///< the newest run that is over
};

/// The entries of `backfill:` in their order, as the database knows them. Throws postgres::SqlFailure.
std::vector<Standing> StandingsOf(postgres::Transaction& transaction, const std::vector<Backfill>& entries, Instant now);

/// What all runs of one name came to, dry runs left out; those that are forgotten by now are counted.
struct BackfillTotals {
  std::string name;
  std::int64_t done = 0, failed = 0, cancelled = 0;
  std::int64_t repaired_added = 0, repaired_updated = 0, repaired_deleted = 0;  ///< deliveries that were lost
  std::optional<Instant> done_at;                                               ///< when the last run was done
};
std::vector<BackfillTotals> TotalsOf(postgres::Transaction& transaction);

/// How many users' exports are parked, by mapping.
std::map<std::string, std::int64_t> ParkedUsers(postgres::Transaction& transaction);

/// The last full sweep of a project, where it failed: which memories are gone is not known since.
struct FailedSweep {
  ProjectId project;
  std::string name;
  std::string error;  ///< why; safe to show
};
/// Of every project at most one; a dry run or one that was cancelled changes nothing.
std::vector<FailedSweep> SweepsWithoutConclusion(postgres::Transaction& transaction);

/// Lets the moments of a schedule pass from now on, and stops the run under way with its next page. Doing it twice changes
/// nothing. Throws postgres::SqlFailure.
void PauseBackfill(postgres::Transaction& transaction, const Backfill& backfill, Instant now);
/// Puts the schedule in force again, from now: moments that passed are not made up for. A run that was paused goes on. kRefused
/// when nothing was paused.
Result<void> ResumeBackfill(postgres::Transaction& transaction, const Backfill& backfill, Instant now);
/// Whether its moments are let pass.
bool IsPaused(postgres::Transaction& transaction, const std::string& name);

/// The words a schedule is known by: when they change, moments count from then on.
std::string WordsOf(const Backfill& backfill);

}  // namespace membridge::sync
