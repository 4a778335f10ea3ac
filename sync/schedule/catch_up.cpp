#include "sync/schedule/catch_up.hpp"

#include <algorithm>
#include <chrono>

#include "sync/backfill/run_store.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

// A process that did not beat for this long counts as dead.
constexpr std::string_view kSilence = "15 seconds";
constexpr std::chrono::minutes kAfterFailure{5};
constexpr std::chrono::hours kLongestAfterFailure{6};

}  // namespace

void CatchUp::Beat(const std::string& process) {
  transaction_.Run(
      "INSERT INTO membridge.listening (process, beat_at) VALUES ($1::uuid, clock_timestamp()) "
      "ON CONFLICT (process) DO UPDATE SET beat_at = excluded.beat_at",
      {process});
  transaction_.Run("DELETE FROM membridge.listening WHERE beat_at < clock_timestamp() - interval '1 day'");
}

void CatchUp::Leave(const std::string& process) {
  transaction_.Run("DELETE FROM membridge.listening WHERE process = $1::uuid", {process});
}

bool CatchUp::AnotherListens(const std::string& process) {
  return transaction_
      .Run(
          "SELECT EXISTS (SELECT FROM membridge.listening o, membridge.listening me WHERE me.process = $1::uuid "
          "AND (o.since, o.process) < (me.since, me.process) AND o.beat_at > clock_timestamp() - $2::interval)",
          {process, std::string{kSilence}})
      .Bool(0, 0);
}

bool CatchUp::AnotherListenedSince(const std::string& process, Instant moment) {
  return transaction_
      .Run(
          "SELECT EXISTS (SELECT FROM membridge.listening o, membridge.listening me WHERE me.process = $1::uuid "
          "AND (o.since, o.process) < (me.since, me.process) AND o.beat_at > $2::timestamptz)",
          {process, FormatRfc3339(moment)})
      .Bool(0, 0);
}

Instant CatchUp::Now() {
  return postgres::TimeAt(transaction_.Run("SELECT clock_timestamp()"), 0, 0);
}

bool CatchUp::AnotherServerTookOver() {
  // Looks first, because every process asks every few seconds, and there is seldom anything to write.
  const postgres::Rows seen = transaction_.Run(
      "SELECT n.number, (SELECT number FROM membridge.timeline) FROM membridge.present_timeline() AS n(number) "
      "WHERE n.number IS DISTINCT FROM (SELECT number FROM membridge.timeline)");
  if (seen.empty() || seen.IsNull(0, 0)) return false;
  const postgres::Rows changed = transaction_.Run(
      "INSERT INTO membridge.timeline AS t (number) VALUES ($1::bigint) ON CONFLICT (single) DO UPDATE "
      "SET number = excluded.number, since = clock_timestamp() WHERE t.number <> excluded.number RETURNING 1",
      {std::string{seen.Text(0, 0)}});
  return !changed.empty() && !seen.IsNull(0, 1);
}

void CatchUp::Want(const ProjectId& project, std::string_view reason, Extent extent) {
  // A sweep of everything stays one until it was done, even if a smaller one is wanted meanwhile.
  transaction_.Run(
      "INSERT INTO membridge.catching_up AS c (project, reason, whole) VALUES ($1, $2, $3::boolean) "
      "ON CONFLICT (project) DO UPDATE SET reason = excluded.reason, run = NULL, whole = excluded.whole OR (c.whole AND NOT "
      "EXISTS "
      "(SELECT FROM membridge.backfill_runs r WHERE r.id = c.run AND r.state IN ('done', 'cancelled')))",
      {project.Text(), std::string{reason}, extent == Extent::kAll ? "true" : "false"});
}

std::vector<CatchUp::Queued> CatchUp::Queue(Instant now) {
  transaction_.Run(
      "DELETE FROM membridge.catching_up c WHERE c.run IS NOT NULL AND NOT EXISTS (SELECT FROM membridge.backfill_runs r "
      "WHERE r.id = c.run AND r.state NOT IN ('done', 'cancelled'))");
  const postgres::Rows wanted = transaction_.Run(
      "SELECT c.project, c.reason, c.run IS NOT NULL, c.whole FROM membridge.catching_up c WHERE c.run IS NULL "
      "OR EXISTS (SELECT FROM membridge.backfill_runs r WHERE r.id = c.run AND r.state = 'failed') "
      "ORDER BY c.project FOR UPDATE OF c SKIP LOCKED");
  std::vector<Queued> queued;
  for (std::size_t row = 0; row < wanted.size(); ++row) {
    Run run;
    run.project = ProjectId{std::string{wanted.Text(row, 0)}};
    run.name = NameOf(run.project);
    run.kind = wanted.Bool(row, 3) ? BackfillKind::kFullSweep : BackfillKind::kIncrementalSweep;
    run.queued_at = now;
    run.due_at = now + (wanted.Bool(row, 2) ? AfterFailures(run.name) : std::chrono::seconds{0});
    auto id = RunStore{transaction_}.Queue(run);
    if (!id) id = Unbegun(run);
    if (!id) continue;
    transaction_.Run("UPDATE membridge.catching_up SET run = $2::bigint WHERE project = $1",
                     {run.project.Text(), std::to_string(*id)});
    queued.push_back({run.project, *id, std::string{wanted.Text(row, 1)}});
  }
  return queued;
}

/// How long to wait after the failed runs since the last one that did not fail.
std::chrono::seconds CatchUp::AfterFailures(const std::string& name) {
  const postgres::Rows rows = transaction_.Run(
      "SELECT count(*) FROM membridge.backfill_runs r WHERE r.name = $1 AND r.state = 'failed' AND r.id > coalesce("
      "(SELECT max(d.id) FROM membridge.backfill_runs d WHERE d.name = $1 AND d.state = 'done'), 0)",
      {name});
  const auto failures = std::clamp<std::int64_t>(rows.Int(0, 0), 1, 10);
  return std::min<std::chrono::seconds>(kLongestAfterFailure, kAfterFailure * (std::int64_t{1} << (failures - 1)));
}

/// Reuses a queued run that has not begun, and makes it due now and of this extent.
Result<std::int64_t> CatchUp::Unbegun(const Run& run) {
  const postgres::Rows rows = transaction_.Run(
      "UPDATE membridge.backfill_runs SET due_at = least(due_at, $2::timestamptz), kind = $3 "
      "WHERE name = $1 AND state = 'queued' AND started_at IS NULL RETURNING id",
      {run.name, FormatRfc3339(run.queued_at), std::string{sync::NameOf(run.kind)}});
  if (rows.empty()) return Fail(ErrorCode::kRefused, "a run is under way");
  return rows.Int(0, 0);
}

std::optional<CatchUp::Wanted> CatchUp::Of(const ProjectId& project) {
  const postgres::Rows rows = transaction_.Run(
      "SELECT c.since, c.reason FROM membridge.catching_up c LEFT JOIN membridge.backfill_runs r ON r.id = c.run "
      "WHERE c.project = $1 AND (c.run IS NULL OR r.state NOT IN ('done', 'cancelled'))",
      {project.Text()});
  if (rows.empty()) return std::nullopt;
  return Wanted{postgres::TimeAt(rows, 0, 0), std::string{rows.Text(0, 1)}};
}

}  // namespace membridge::sync
