#include "sync/backfill/run_store.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

constexpr std::string_view kColumns =
    "r.id, r.name, r.project, r.kind, r.state, r.options::text, r.scheduled_for, r.due_at, r.queued_at, r.started_at, "
    "r.finished_at, "
    "r.cursor::text, r.counters::text, r.done, r.total, r.worked_ms, r.wanted, r.holder, r.fence, r.failures, r.error";

template <class Enum, std::size_t N>
Enum Named(std::string_view name, const Enum (&all)[N]) {
  for (const Enum one : all) {
    if (NameOf(one) == name) return one;
  }
  return all[0];
}

constexpr BackfillKind kKinds[]{BackfillKind::kExport, BackfillKind::kIncrementalSweep, BackfillKind::kFullSweep};
constexpr RunState kStates[]{RunState::kQueued,    RunState::kRunning, RunState::kPaused,
                             RunState::kCancelled, RunState::kDone,    RunState::kFailed};

Run RunAt(const Rows& rows, std::size_t row) {
  Run run;
  run.id = rows.Int(row, 0);
  run.name = rows.Text(row, 1);
  run.project = ProjectId{std::string{rows.Text(row, 2)}};
  run.kind = Named(rows.Text(row, 3), kKinds);
  run.state = Named(rows.Text(row, 4), kStates);
  run.options = RunOptions::FromJson(nlohmann::json::parse(rows.Text(row, 5)));
  run.scheduled_for = postgres::OptionalTimeAt(rows, row, 6);
  run.due_at = postgres::TimeAt(rows, row, 7);
  run.queued_at = postgres::TimeAt(rows, row, 8);
  run.started_at = postgres::OptionalTimeAt(rows, row, 9);
  run.finished_at = postgres::OptionalTimeAt(rows, row, 10);
  run.cursor = nlohmann::json::parse(rows.Text(row, 11));
  run.counters = nlohmann::json::parse(rows.Text(row, 12));
  run.done = rows.Int(row, 13);
  if (!rows.IsNull(row, 14)) run.total = rows.Int(row, 14);
  run.worked = std::chrono::milliseconds{rows.Int(row, 15)};
  run.wanted = rows.Text(row, 16);
  run.holder = rows.Text(row, 17);
  if (!rows.IsNull(row, 18)) run.fence = rows.Int(row, 18);
  run.failures = static_cast<int>(rows.Int(row, 19));
  run.error = rows.Text(row, 20);
  return run;
}

Param OrNull(const std::string& text) {
  return text.empty() ? Param{} : Param{text};
}

tl::unexpected<Error> NoRun(std::int64_t id) {
  return Fail(ErrorCode::kNotFound, fmt::format("there is no backfill run {}", id), "membridge backfill status lists them");
}

/// Which runs keep a schedule from making up for a moment.
constexpr std::string_view kStandsForMoments =
    "NOT coalesce((r.options ->> 'dry_run')::boolean, false) AND (r.scheduled_for IS NOT NULL OR r.state = 'done')";

/// Adds a finished run to the totals of its name.
void AddToTotals(Transaction& transaction, std::int64_t id) {
  transaction.Run(
      "INSERT INTO membridge.backfill_totals AS t "
      "(name, done, failed, cancelled, repaired_added, repaired_updated, repaired_deleted, done_at) "
      "SELECT r.name, (r.state = 'done')::integer, (r.state = 'failed')::integer, (r.state = 'cancelled')::integer, "
      "coalesce((r.counters ->> 'repaired_added')::bigint, 0), coalesce((r.counters ->> 'repaired_updated')::bigint, 0), "
      "coalesce((r.counters ->> 'repaired_deleted')::bigint, 0), CASE r.state WHEN 'done' THEN r.finished_at END "
      "FROM membridge.backfill_runs r WHERE r.id = $1::bigint AND NOT coalesce((r.options ->> 'dry_run')::boolean, false) "
      "ON CONFLICT (name) DO UPDATE SET done = t.done + excluded.done, failed = t.failed + excluded.failed, "
      "cancelled = t.cancelled + excluded.cancelled, repaired_added = t.repaired_added + excluded.repaired_added, "
      "repaired_updated = t.repaired_updated + excluded.repaired_updated, "
      "repaired_deleted = t.repaired_deleted + excluded.repaired_deleted, "
      "done_at = greatest(t.done_at, excluded.done_at)",
      {std::to_string(id)});
}

/// Deletes finished runs. A schedule goes on counting from them, so that no moment of theirs is made up for.
std::size_t ForgetThose(Transaction& transaction, std::string_view which, const std::string& parameter) {
  const Rows rows = transaction.Run(fmt::format(R"(
      WITH gone AS (DELETE FROM membridge.backfill_runs r WHERE r.state IN ('cancelled', 'done', 'failed') AND {} RETURNING r.*),
           moved AS (UPDATE membridge.backfill_schedules s SET since = greatest(s.since, m.moment)
                     FROM (SELECT r.name, max(greatest(r.scheduled_for, r.finished_at)) AS moment FROM gone r
                           WHERE {} GROUP BY r.name) AS m
                     WHERE s.name = m.name)
      SELECT count(*) FROM gone)",
                                                which, kStandsForMoments),
                                    {parameter});
  return static_cast<std::size_t>(rows.Int(0, 0));
}

/// The run, locked; what is wanted of it is decided by the state it is in.
std::optional<Run> Locked(Transaction& transaction, std::int64_t id) {
  const Rows rows = transaction.Run(fmt::format("SELECT {} FROM membridge.backfill_runs r WHERE r.id = $1 FOR UPDATE", kColumns),
                                    {std::to_string(id)});
  if (rows.empty()) return std::nullopt;
  return RunAt(rows, 0);
}

}  // namespace

Result<std::int64_t> RunStore::Queue(const Run& run) {
  const Rows rows = transaction_.Run(
      "INSERT INTO membridge.backfill_runs (name, project, kind, state, options, scheduled_for, due_at, queued_at) "
      "VALUES ($1, $2, $3, 'queued', $4::jsonb, $5::timestamptz, $6::timestamptz, $7::timestamptz) ON CONFLICT DO NOTHING "
      "RETURNING id",
      {run.name, run.project.Text(), std::string{NameOf(run.kind)}, run.options.AsJson().dump(),
       postgres::TimeParam(run.scheduled_for), FormatRfc3339(run.due_at), FormatRfc3339(run.queued_at)});
  if (rows.empty()) {
    return Fail(ErrorCode::kRefused, fmt::format("a run of \"{}\" is not finished yet", run.name),
                "wait for it, or end it with membridge backfill cancel");
  }
  return rows.Int(0, 0);
}

std::optional<Run> RunStore::Claim(const std::string& holder, std::chrono::seconds lease, Instant now,
                                   const std::vector<std::int64_t>& held, std::optional<std::int64_t> only) {
  postgres::Column ids;
  for (const std::int64_t id : held) ids.AddNumber(id);
  const Rows rows = transaction_.Run(fmt::format(R"(
      UPDATE membridge.backfill_runs r SET
        state = 'running', holder = $1, held_until = statement_timestamp() + make_interval(secs => $2::float8),
        fence = nextval('membridge.backfill_fence'), started_at = coalesce(r.started_at, $3::timestamptz)
      WHERE r.id = (SELECT c.id FROM membridge.backfill_runs c
                    WHERE c.state IN ('queued', 'running') AND c.due_at <= $3::timestamptz
                      AND (c.held_until IS NULL OR c.held_until <= statement_timestamp()) AND NOT c.id = ANY ($4::bigint[])
                      AND ($5::bigint IS NULL OR c.id = $5::bigint)
                    ORDER BY c.due_at, c.id LIMIT 1 FOR UPDATE SKIP LOCKED)
      RETURNING {})",
                                                 kColumns),
                                     {holder, std::to_string(lease.count()), FormatRfc3339(now),
                                      held.empty() ? Param{"{}"} : ids.Take(), only ? Param{std::to_string(*only)} : Param{}});
  if (rows.empty()) return std::nullopt;
  return RunAt(rows, 0);
}

std::string RunStore::Commit(const Run& run, std::chrono::seconds lease) {
  const Rows rows = transaction_.Run(
      "UPDATE membridge.backfill_runs SET cursor = $3::jsonb, counters = $4::jsonb, done = $5::bigint, total = $6::bigint, "
      "worked_ms = $7::bigint, failures = $8::integer, error = $9, due_at = $10::timestamptz, "
      "held_until = statement_timestamp() + make_interval(secs => $11::float8) "
      "WHERE id = $1::bigint AND fence = $2::bigint AND state = 'running' RETURNING wanted",
      {std::to_string(run.id), std::to_string(run.fence), run.cursor.dump(), run.counters.dump(), std::to_string(run.done),
       run.total ? Param{std::to_string(*run.total)} : Param{}, std::to_string(run.worked.count()), std::to_string(run.failures),
       OrNull(run.error), FormatRfc3339(run.due_at), std::to_string(lease.count())});
  if (rows.empty()) throw RunLost{};
  return std::string{rows.Text(0, 0)};
}

void RunStore::Leave(const Run& run, RunState state, Instant now) {
  const bool over = state == RunState::kDone || state == RunState::kFailed || state == RunState::kCancelled;
  const Rows rows = transaction_.Run(
      "UPDATE membridge.backfill_runs SET state = $3, holder = NULL, held_until = NULL, fence = NULL, wanted = NULL, "
      "finished_at = $4::timestamptz, error = $5, failures = $6::integer WHERE id = $1::bigint AND fence = $2::bigint RETURNING "
      "id",
      {std::to_string(run.id), std::to_string(run.fence), std::string{NameOf(state)}, over ? Param{FormatRfc3339(now)} : Param{},
       OrNull(run.error), std::to_string(run.failures)});
  if (rows.empty()) throw RunLost{};
  if (over) AddToTotals(transaction_, run.id);
}

void RunStore::Release(const Run& run) {
  transaction_.Run(
      "UPDATE membridge.backfill_runs SET holder = NULL, held_until = NULL, fence = NULL WHERE id = $1::bigint AND fence = "
      "$2::bigint",
      {std::to_string(run.id), std::to_string(run.fence)});
}

std::optional<Run> RunStore::Find(std::int64_t id) {
  const Rows rows = transaction_.Run(fmt::format("SELECT {} FROM membridge.backfill_runs r WHERE r.id = $1::bigint", kColumns),
                                     {std::to_string(id)});
  if (rows.empty()) return std::nullopt;
  return RunAt(rows, 0);
}

std::optional<Run> RunStore::FindActive(const std::string& name) {
  const Rows rows = transaction_.Run(fmt::format("SELECT {} FROM membridge.backfill_runs r WHERE r.name = $1 "
                                                 "AND r.state IN ('queued', 'running', 'paused')",
                                                 kColumns),
                                     {name});
  if (rows.empty()) return std::nullopt;
  return RunAt(rows, 0);
}

std::vector<Run> RunStore::List(const std::optional<std::string>& name, std::size_t limit, std::optional<std::int64_t> before) {
  const Rows rows =
      transaction_.Run(fmt::format("SELECT {} FROM membridge.backfill_runs r WHERE ($1::text IS NULL OR r.name = $1) "
                                   "AND ($3::bigint IS NULL OR r.id < $3::bigint) ORDER BY r.id DESC LIMIT $2::bigint",
                                   kColumns),
                       {name, std::to_string(limit), before ? postgres::Param{std::to_string(*before)} : std::nullopt});
  std::vector<Run> runs;
  for (std::size_t row = 0; row < rows.size(); ++row) runs.push_back(RunAt(rows, row));
  return runs;
}

std::optional<Instant> RunStore::NextDue() {
  const Rows rows = transaction_.Run("SELECT min(due_at) FROM membridge.backfill_runs WHERE state IN ('queued', 'running')");
  return postgres::OptionalTimeAt(rows, 0, 0);
}

Result<RunState> RunStore::Cancel(std::int64_t id, Instant now) {
  const auto run = Locked(transaction_, id);
  if (!run) return NoRun(id);
  if (!run->Active()) return Fail(ErrorCode::kRefused, fmt::format("run {} is {} already", id, NameOf(run->state)));
  // A run whose lease ended is free: the fence keeps its former holder from writing.
  const Rows rows = transaction_.Run(
      "UPDATE membridge.backfill_runs SET wanted = CASE WHEN state = 'running' AND held_until > statement_timestamp() THEN "
      "'cancel' END, "
      "fence = CASE WHEN state = 'running' AND held_until > statement_timestamp() THEN fence END, "
      "finished_at = CASE WHEN state = 'running' AND held_until > statement_timestamp() THEN NULL ELSE $2::timestamptz END, "
      "state = CASE WHEN state = 'running' AND held_until > statement_timestamp() THEN state ELSE 'cancelled' END "
      "WHERE id = $1::bigint RETURNING state",
      {std::to_string(id), FormatRfc3339(now)});
  const RunState state = Named(rows.Text(0, 0), kStates);
  if (state == RunState::kCancelled) AddToTotals(transaction_, id);
  return state;
}

Result<RunState> RunStore::Pause(std::int64_t id) {
  const auto run = Locked(transaction_, id);
  if (!run) return NoRun(id);
  if (!run->Active()) return Fail(ErrorCode::kRefused, fmt::format("run {} is {} already", id, NameOf(run->state)));
  const Rows rows = transaction_.Run(
      "UPDATE membridge.backfill_runs SET wanted = CASE WHEN state = 'running' AND held_until > statement_timestamp() "
      "THEN coalesce(wanted, 'pause') END, "
      "fence = CASE WHEN state = 'running' AND held_until > statement_timestamp() THEN fence END, "
      "state = CASE WHEN state = 'running' AND held_until > statement_timestamp() THEN state ELSE 'paused' END "
      "WHERE id = $1::bigint RETURNING state",
      {std::to_string(id)});
  return Named(rows.Text(0, 0), kStates);
}

Result<RunState> RunStore::Resume(std::int64_t id, Instant now) {
  const auto run = Locked(transaction_, id);
  if (!run) return NoRun(id);
  const bool asked_to_pause = run->state == RunState::kRunning && run->wanted == "pause";
  if (run->state != RunState::kPaused && !asked_to_pause) {
    return Fail(ErrorCode::kRefused, fmt::format("run {} is {}, not paused", id, NameOf(run->state)));
  }
  const Rows rows = transaction_.Run(
      "UPDATE membridge.backfill_runs SET wanted = NULL, due_at = least(due_at, $2::timestamptz), "
      "state = CASE state WHEN 'paused' THEN 'queued' ELSE state END WHERE id = $1::bigint RETURNING state",
      {std::to_string(id), FormatRfc3339(now)});
  return Named(rows.Text(0, 0), kStates);
}

Instant RunStore::MissedSince(const std::string& name, const std::string& schedule, Instant now) {
  const Rows rows = transaction_.Run(fmt::format(R"(
      WITH changed AS (
        INSERT INTO membridge.backfill_schedules AS s (name, schedule, since) VALUES ($1, $2, $3::timestamptz)
        ON CONFLICT (name) DO UPDATE SET schedule = excluded.schedule, since = excluded.since WHERE s.schedule <> excluded.schedule
        RETURNING since)
      SELECT greatest(coalesce((SELECT since FROM changed), (SELECT since FROM membridge.backfill_schedules WHERE name = $1)),
                      (SELECT max(greatest(r.scheduled_for, r.finished_at)) FROM membridge.backfill_runs r
                       WHERE r.name = $1 AND {}))
      )",
                                                 kStandsForMoments),
                                     {name, schedule, FormatRfc3339(now)});
  return postgres::TimeAt(rows, 0, 0);
}

std::size_t RunStore::Forget(std::size_t keep) {
  return ForgetThose(transaction_,
                     "r.id IN (SELECT ranked.id FROM (SELECT id, row_number() OVER (PARTITION BY name ORDER BY id DESC) AS place "
                     "FROM membridge.backfill_runs) AS ranked WHERE ranked.place > $1::bigint)",
                     std::to_string(keep));
}

std::size_t RunStore::ForgetBefore(Instant ended) {
  return ForgetThose(transaction_, "r.finished_at < $1::timestamptz", FormatRfc3339(ended));
}

}  // namespace membridge::sync
