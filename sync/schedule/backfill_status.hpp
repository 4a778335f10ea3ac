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

/// The status of one backfill: its configuration, its next moment and its runs.
struct Standing {
  Backfill backfill;
  std::optional<Instant> paused_at;  ///< since then its moments pass without a run
  std::optional<Instant> next;       ///< the next moment; nothing while it is paused, and without a schedule
  std::optional<Run> active;         ///< queued, running or paused
  std::optional<Run> last;           ///< the newest finished run
};

/// Returns the status of each entry of `backfill:`, in order. Throws postgres::SqlFailure.
std::vector<Standing> StandingsOf(postgres::Transaction& transaction, const std::vector<Backfill>& entries, Instant now);

/// The totals over all runs of one name without dry runs. Forgotten runs are counted too.
struct BackfillTotals {
  std::string name;
  std::int64_t done = 0, failed = 0, cancelled = 0;
  std::int64_t repaired_added = 0, repaired_updated = 0, repaired_deleted = 0;  ///< deliveries that were lost
  std::optional<Instant> done_at;                                               ///< when the last successful run ended
};
std::vector<BackfillTotals> TotalsOf(postgres::Transaction& transaction);

/// Returns how many users' exports are parked, by mapping.
std::map<std::string, std::int64_t> ParkedUsers(postgres::Transaction& transaction);

/// A project whose last full sweep failed, so that it is not known which memories are gone since.
struct FailedSweep {
  ProjectId project;
  std::string name;
  std::string error;  ///< why; safe to show
};
/// Returns at most one per project. Dry runs and cancelled runs do not count.
std::vector<FailedSweep> SweepsWithoutConclusion(postgres::Transaction& transaction);

/// Pauses a backfill: from now on the moments of its schedule pass without a run, and a running run stops with its next page.
/// Pausing twice changes nothing. Throws postgres::SqlFailure.
void PauseBackfill(postgres::Transaction& transaction, const Backfill& backfill, Instant now);
/// Resumes a backfill from now: moments that passed are not made up for, and a paused run goes on. kRefused when nothing was
/// paused. Throws postgres::SqlFailure.
Result<void> ResumeBackfill(postgres::Transaction& transaction, const Backfill& backfill, Instant now);
/// Whether the backfill of this name is paused.
bool IsPaused(postgres::Transaction& transaction, const std::string& name);

/// Returns the text that identifies a schedule. When it changes, missed moments count only from then on.
std::string WordsOf(const Backfill& backfill);

}  // namespace membridge::sync
