#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "admin/api/context.hpp"
#include "admin/shown/views.hpp"
#include "mappings/base/version.hpp"
#include "sync/inbox/delivery_log.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/blocked.hpp"
#include "sync/queue/parked.hpp"
#include "sync/schedule/catch_up.hpp"
#include "sync/source/source_state.hpp"

namespace membridge::admin::api {
namespace {

using nlohmann::ordered_json;
using sync::postgres::Rows;
using sync::postgres::Transaction;

double NumberAt(const Rows& rows, std::size_t row, std::size_t column) {
  const std::string_view text = rows.Text(row, column);
  double number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// Returns the seconds per point, so that there are at most 120 points: whole minutes, or 15 seconds in a short window.
std::int64_t StepOf(std::int64_t minutes) {
  if (minutes <= 15) return 15;
  return 60 * ((minutes + 119) / 120);
}

constexpr std::size_t kLatest = 8;
constexpr std::size_t kTopCauses = 4;

ordered_json Deliveries(Transaction& transaction, std::int64_t minutes) {
  const std::int64_t step = StepOf(minutes);
  const std::int64_t points = (60 * minutes + step - 1) / step;
  // Only whole steps that ended a few seconds ago. A step that is not over would look like a drop.
  const Rows rows = transaction.Run(
      "WITH bounds AS (SELECT to_timestamp(floor(extract(epoch FROM statement_timestamp()) / 15) * 15) AS upto), "
      "window_ AS (SELECT upto - $1::bigint * $2::bigint * interval '1 second' AS since, upto FROM bounds), "
      "counted AS (SELECT floor(extract(epoch FROM d.received_at - w.since) / $1::bigint)::bigint AS step, count(*) AS n "
      "            FROM membridge.deliveries d, window_ w WHERE d.received_at >= w.since AND d.received_at < w.upto GROUP BY 1) "
      "SELECT w.since + s * $1::bigint * interval '1 second', coalesce(c.n, 0), "
      "       (SELECT count(*) FROM membridge.deliveries d WHERE d.received_at >= statement_timestamp() - interval '1 minute') "
      "FROM window_ w CROSS JOIN generate_series(0, $2::bigint - 1) AS s LEFT JOIN counted c ON c.step = s ORDER BY s",
      {std::to_string(step), std::to_string(points)});
  ordered_json series = ordered_json::array();
  std::int64_t total = 0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    series.push_back({{"at", FormatRfc3339(sync::postgres::TimeAt(rows, row, 0))}, {"count", rows.Int(row, 1)}});
    total += rows.Int(row, 1);
  }
  const double last_minute = rows.empty() ? 0 : static_cast<double>(rows.Int(0, 2));
  return {{"per_second", last_minute / 60},
          {"window_seconds", static_cast<std::int64_t>(rows.size()) * step},
          {"step_seconds", step},
          {"total", total},
          {"series", std::move(series)}};
}

ordered_json Queue(Transaction& transaction, const Parts& parts) {
  const Rows rows = transaction.Run(
      "SELECT count(*), count(*) FILTER (WHERE claimed_until > statement_timestamp()), coalesce(greatest(0, extract(epoch FROM "
      "statement_timestamp() - min(due_at) FILTER (WHERE claimed_until IS NULL OR claimed_until <= statement_timestamp()))), 0), "
      "(SELECT count(*) FROM membridge.memories WHERE waits) FROM membridge.dirty");
  const sync::BlockedSum blocked = sync::SumBlocked(transaction);
  const auto lag = parts.lag();
  return {{"dirty", rows.Int(0, 0)},
          {"claimed", rows.Int(0, 1)},
          {"oldest_due_seconds", NumberAt(rows, 0, 2)},
          {"waiting", rows.Int(0, 3)},
          {"blocked", blocked.memories},
          {"blocked_oldest_seconds", blocked.oldest.count()},
          {"lag_seconds", lag ? ordered_json(std::chrono::duration<double>(*lag).count()) : ordered_json(nullptr)}};
}

/// Returns how long deliveries took to become rows, for those that this process applied within the window.
ordered_json Lag(const Parts& parts, std::int64_t minutes) {
  const std::chrono::seconds window = std::chrono::minutes{std::min<std::int64_t>(minutes, 60)};
  const sync::LagCounts lags = parts.lags().Since(parts.recent.LagsBefore(window));
  return {{"window_seconds", window.count()},
          {"memories", lags.Total()},
          {"p50_seconds", OrNull(lags.Quantile(0.5))},
          {"p95_seconds", OrNull(lags.Quantile(0.95))},
          {"p99_seconds", OrNull(lags.Quantile(0.99))}};
}

ordered_json Latest(Transaction& transaction) {
  ordered_json latest = ordered_json::array();
  const auto page = sync::DeliveriesStore{transaction}.List({}, kLatest, std::nullopt);
  for (const auto& delivery : page->deliveries) latest.push_back(ViewOf(delivery));
  return latest;
}

ordered_json Causes(const std::vector<sync::ParkedGroup>& groups) {
  ordered_json causes = ordered_json::array();
  for (std::size_t i = 0; i < std::min(groups.size(), kTopCauses); ++i) causes.push_back(ViewOf(groups[i]));
  return causes;
}

bool HasMemories(Transaction& transaction) {
  return transaction.Run("SELECT EXISTS (SELECT FROM membridge.memories)").Bool(0, 0);
}

ordered_json ParkedSum(Transaction& transaction, const std::vector<sync::ParkedGroup>& groups) {
  const Rows rows =
      transaction.Run("SELECT count(*) FROM (SELECT DISTINCT project, memory_id FROM membridge.parked) AS memories");
  return {{"memories", rows.Int(0, 0)}, {"groups", groups.size()}};
}

ordered_json Kept(const Parts& parts) {
  const auto cells = parts.kept();
  return {{"cells", cells ? ordered_json(*cells) : ordered_json(nullptr)}};
}

/// Returns what a sweep's counters show about lost deliveries.
ordered_json RepairedIn(const nlohmann::json& counters) {
  const auto count = [&](const char* name) { return counters.value(name, std::int64_t{0}); };
  return {{"added", count("repaired_added")}, {"updated", count("repaired_updated")}, {"deleted", count("repaired_deleted")}};
}

ordered_json LastSweep(Transaction& transaction, const ProjectId& project) {
  const Rows rows = transaction.Run(
      "SELECT id, kind, finished_at, counters FROM membridge.backfill_runs WHERE project = $1 AND state = 'done' AND kind <> "
      "'export' "
      "AND NOT coalesce((options ->> 'dry_run')::boolean, false) ORDER BY finished_at DESC LIMIT 1",
      {project.Text()});
  if (rows.empty()) return nullptr;
  const auto counters = nlohmann::json::parse(rows.Text(0, 3));
  return {{"run", rows.Int(0, 0)},
          {"kind", rows.Text(0, 1)},
          {"finished_at", FormatRfc3339(sync::postgres::TimeAt(rows, 0, 2))},
          {"seen", counters.value("seen", std::int64_t{0})},
          {"repaired", RepairedIn(counters)}};
}

/// Returns why it is not known yet whether deliveries were lost; null when it is known.
ordered_json CatchingUp(Transaction& transaction, const ProjectId& project, const Parts& parts) {
  const std::string unheard = parts.unheard(project);  // ask this first: a wanted catch-up is recorded before this reason ends
  if (const auto wanted = sync::CatchUp{transaction}.Of(project))
    return {{"since", FormatRfc3339(wanted->since)}, {"reason", wanted->reason}};
  if (unheard.empty()) return nullptr;
  return {{"since", nullptr}, {"reason", unheard}};
}

/// Returns how the changes of a self-hosted Mem0 are found; null for a project at the Platform.
ordered_json SourceOf(Transaction& transaction, const ProjectConfig& project) {
  if (!project.source) return nullptr;
  const auto view = sync::source::SourceState{transaction}.View(project.id);
  if (!view) return {{"mode", "unknown"}, {"message", ""}, {"hint", ""}, {"log_entries", 0}, {"told_at", nullptr}};
  return {{"mode", view->mode},
          {"message", view->message},
          {"hint", view->hint},
          {"log_entries", view->log_entries},
          {"told_at", FormatRfc3339(view->told_at)}};
}

Answer ReadOverview(Call& call, const Parts& parts) {
  Transaction transaction = call.Begin();
  ordered_json projects = ordered_json::array();
  for (const ProjectConfig& project : parts.config.projects) {
    const auto budget = parts.mem0.BudgetOf(project.id);
    projects.push_back({{"project", project.id.Text()},
                        {"mem0",
                         {{"calls_per_second", budget->PerSecond()},
                          {"most_per_second", budget->MostPerSecond()},
                          {"paused_seconds", std::chrono::duration<double>(budget->Paused()).count()}}},
                        {"source", SourceOf(transaction, project)},
                        {"catching_up", CatchingUp(transaction, project.id, parts)},
                        {"last_sweep", LastSweep(transaction, project.id)}});
  }
  const Rows now = transaction.Run("SELECT statement_timestamp()");
  ordered_json reasons = ViewsOf(parts.reasons());
  const auto minutes = call.query["minutes"].get<std::int64_t>();
  const auto groups = sync::ParkedStore{transaction}.List();
  return ordered_json{{"now", FormatRfc3339(sync::postgres::TimeAt(now, 0, 0))},
                      {"version", kVersion},
                      {"ready", parts.ready()},
                      {"degraded", !reasons.empty()},
                      {"reasons", std::move(reasons)},
                      {"deliveries", Deliveries(transaction, minutes)},
                      {"latest", Latest(transaction)},
                      {"lag", Lag(parts, minutes)},
                      {"queue", Queue(transaction, parts)},
                      {"parked", ParkedSum(transaction, groups)},
                      {"causes", Causes(groups)},
                      {"has_memories", HasMemories(transaction)},
                      {"kept", Kept(parts)},
                      {"projects", std::move(projects)}};
}

}  // namespace

void AddOverviewCalls(Handlers& handlers, const Parts& parts) {
  AddRecentCall(handlers, parts);
  handlers["readOverview"] = [&parts](Call& call) { return ReadOverview(call, parts); };
}

}  // namespace membridge::admin::api
