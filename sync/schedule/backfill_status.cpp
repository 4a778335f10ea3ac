#include "sync/schedule/backfill_status.hpp"

#include <fmt/format.h>

#include "sync/backfill/run_store.hpp"
#include "sync/postgres/column.hpp"
#include "sync/schedule/cron.hpp"

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Transaction;

std::optional<Instant> PausedAt(Transaction& transaction, const std::string& name) {
  const Rows rows = transaction.Run("SELECT paused_at FROM membridge.backfill_schedules WHERE name = $1", {name});
  return rows.empty() ? std::nullopt : postgres::OptionalTimeAt(rows, 0, 0);
}

std::optional<Instant> NextMoment(const Backfill& backfill, Instant now) {
  if (backfill.schedule.empty()) return std::nullopt;
  const auto cron = Cron::Parse(backfill.schedule);
  const auto zone = TimeZone::Named(backfill.timezone);
  return cron && zone ? cron->Next(now, *zone) : std::nullopt;
}

}  // namespace

std::string WordsOf(const Backfill& backfill) {
  return backfill.schedule + " " + backfill.timezone;
}

std::vector<Standing> StandingsOf(Transaction& transaction, const std::vector<Backfill>& entries, Instant now) {
  std::vector<Standing> standings;
  for (const Backfill& entry : entries) {
    Standing& standing = standings.emplace_back();
    standing.backfill = entry;
    standing.paused_at = PausedAt(transaction, entry.name);
    if (!standing.paused_at) standing.next = NextMoment(entry, now);
    // The unfinished run, if any, is the newest: none is queued while another is not over.
    for (Run& run : RunStore{transaction}.List(entry.name, 2)) {
      std::optional<Run>& place = run.Active() ? standing.active : standing.last;
      if (!place) place = std::move(run);
    }
  }
  return standings;
}

std::vector<BackfillTotals> TotalsOf(Transaction& transaction) {
  const Rows rows = transaction.Run(
      "SELECT name, done, failed, cancelled, repaired_added, repaired_updated, repaired_deleted, done_at "
      "FROM membridge.backfill_totals ORDER BY name");
  std::vector<BackfillTotals> totals;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    totals.push_back({std::string{rows.Text(row, 0)}, rows.Int(row, 1), rows.Int(row, 2), rows.Int(row, 3), rows.Int(row, 4),
                      rows.Int(row, 5), rows.Int(row, 6), postgres::OptionalTimeAt(rows, row, 7)});
  }
  return totals;
}

std::map<std::string, std::int64_t> ParkedUsers(Transaction& transaction) {
  // No memory can have an id with a slash: see ParkedName() of exports.
  const Rows rows = transaction.Run(
      "SELECT mapping, count(*) FROM membridge.parked WHERE starts_with(memory_id, 'user/') GROUP BY mapping ORDER BY mapping");
  std::map<std::string, std::int64_t> users;
  for (std::size_t row = 0; row < rows.size(); ++row) users[std::string{rows.Text(row, 0)}] = rows.Int(row, 1);
  return users;
}

std::vector<FailedSweep> SweepsWithoutConclusion(Transaction& transaction) {
  const Rows rows = transaction.Run(R"(
      SELECT last.project, last.name, coalesce(last.error, '') FROM (
        SELECT DISTINCT ON (r.project) r.project, r.name, r.state, r.error FROM membridge.backfill_runs r
        WHERE r.kind = 'full_sweep' AND r.state IN ('done', 'failed') AND NOT coalesce((r.options ->> 'dry_run')::boolean, false)
        ORDER BY r.project, r.finished_at DESC, r.id DESC) AS last
      WHERE last.state = 'failed' ORDER BY last.project)");
  std::vector<FailedSweep> failed;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    failed.push_back({ProjectId{std::string{rows.Text(row, 0)}}, std::string{rows.Text(row, 1)}, std::string{rows.Text(row, 2)}});
  }
  return failed;
}

void PauseBackfill(Transaction& transaction, const Backfill& backfill, Instant now) {
  transaction.Run(
      "INSERT INTO membridge.backfill_schedules AS s (name, schedule, since, paused_at) "
      "VALUES ($1, $2, $3::timestamptz, $3::timestamptz) "
      "ON CONFLICT (name) DO UPDATE SET paused_at = coalesce(s.paused_at, excluded.paused_at)",
      {backfill.name, WordsOf(backfill), FormatRfc3339(now)});
  if (const auto active = RunStore{transaction}.FindActive(backfill.name)) {
    static_cast<void>(RunStore{transaction}.Pause(active->id));
  }
}

Result<void> ResumeBackfill(Transaction& transaction, const Backfill& backfill, Instant now) {
  const bool was_paused = transaction
                              .Run(
                                  "UPDATE membridge.backfill_schedules SET paused_at = NULL, since = $2::timestamptz "
                                  "WHERE name = $1 AND paused_at IS NOT NULL",
                                  {backfill.name, FormatRfc3339(now)})
                              .Affected() == 1;
  const auto active = RunStore{transaction}.FindActive(backfill.name);
  const bool goes_on = active && RunStore{transaction}.Resume(active->id, now);
  if (was_paused || goes_on) return {};
  return Fail(ErrorCode::kRefused, fmt::format("backfill \"{}\" is not paused", backfill.name));
}

bool IsPaused(Transaction& transaction, const std::string& name) {
  return PausedAt(transaction, name).has_value();
}

}  // namespace membridge::sync
