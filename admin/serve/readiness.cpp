#include "admin/serve/readiness.hpp"

#include <algorithm>
#include <utility>

#include "sync/migrations/migrate.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// How long something may be due, and how long no round may have gone through, before the queue counts as stuck.
constexpr std::chrono::seconds kStuckAfter = 300s;
constexpr std::chrono::seconds kNoRoundFor = 60s;
/// A look older than this says nothing any more.
constexpr std::chrono::seconds kStale = 15s;

constexpr const char* kLook = R"(
  SELECT count(*),
         count(*) FILTER (WHERE claimed_until > clock_timestamp()),
         coalesce(extract(epoch FROM clock_timestamp() - min(due_at)
           FILTER (WHERE due_at <= clock_timestamp() AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()))), 0),
         (SELECT count(*) FROM (SELECT DISTINCT project, memory_id FROM membridge.parked) AS memories),
         (SELECT count(*) FROM membridge.memories WHERE waits)
    FROM membridge.dirty)";
constexpr const char* kLookAtEvents = R"(
  SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0) FROM membridge.events WHERE parked = '{}')";
// The oldest of a thousand is old enough to tell.
constexpr const char* kLookAtJournal = R"(
  SELECT coalesce(extract(epoch FROM clock_timestamp() - min(unfolded.received_at)), 0) FROM (
    (SELECT d.received_at FROM membridge.fold f, membridge.deliveries d
     WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmax(coalesce(f.snapshot, '1:1:')::pg_snapshot)
     ORDER BY d.xid LIMIT 1000)
    UNION ALL
    (SELECT d.received_at FROM membridge.fold f, membridge.deliveries d
     WHERE d.received_at >= membridge.journal_begin()
       AND d.xid = ANY (ARRAY(SELECT x FROM pg_snapshot_xip(coalesce(f.snapshot, '1:1:')::pg_snapshot) AS x)) LIMIT 1000)) AS unfolded)";

}  // namespace

Monitor::Monitor(std::string state_dsn, LastRound last_round)
    : state_dsn_(std::move(state_dsn)), last_round_(std::move(last_round)) {
  thread_.emplace("monitor", [this](const std::stop_token&) { return Look(); });
}

QueueLook Monitor::Last() const {
  const std::lock_guard lock{mutex_};
  return last_;
}

std::chrono::milliseconds Monitor::Look() {
  QueueLook look;
  const auto began = steady_clock::now();
  try {
    // A session per look: one that was kept would not notice that new ones are refused.
    sync::postgres::Session session{state_dsn_, "membridge monitor"};
    look.reachable = true;
    const auto pending = sync::PendingMigrations(session, sync::MigrationKind::kState);
    look.migrated = pending && pending->empty();
    if (look.migrated) {
      const auto rows = session.Run(kLook);
      look.dirty = rows.Int(0, 0);
      look.claimed = rows.Int(0, 1);
      look.oldest_due = std::chrono::duration<double>{std::stod(std::string{rows.Text(0, 2)})};
      look.parked = rows.Int(0, 3);
      look.waiting = rows.Int(0, 4);
      const auto events = session.Run(kLookAtEvents);
      look.events = events.Int(0, 0);
      look.oldest_event = std::chrono::duration<double>{std::stod(std::string{events.Text(0, 1)})};
      const auto journal = session.Run(kLookAtJournal);
      look.oldest_unfolded = std::chrono::duration<double>{std::stod(std::string{journal.Text(0, 0)})};
    }
  } catch (const sync::postgres::SqlFailure&) {
    look.reachable = false;  // told by Ready(); the workers log it
  }
  look.at = steady_clock::now();
  const std::lock_guard lock{mutex_};
  last_ = look;
  return std::max<std::chrono::milliseconds>(1s, std::chrono::duration_cast<std::chrono::milliseconds>(20 * (look.at - began)));
}

Monitor::Verdict Monitor::Ready() const {
  const QueueLook look = Last();
  const auto now = steady_clock::now();
  const bool fresh = look.at.time_since_epoch().count() != 0 && now - look.at < kStale;
  const bool reachable = fresh && look.reachable;
  const bool stuck = look.oldest_due > kStuckAfter && now - last_round_() > kNoRoundFor;
  Verdict verdict;
  verdict.ready = reachable && look.migrated && !stuck;
  nlohmann::json checks;
  checks["database"] = {{"ok", reachable}};
  if (!reachable) checks["database"]["message"] = "the state database cannot be reached";
  checks["migrations"] = {{"ok", reachable && look.migrated}};
  if (reachable && !look.migrated)
    checks["migrations"]["message"] = "the database is not what this binary expects; run membridge migrate";
  checks["queue"] = {{"ok", reachable && !stuck},
                     {"dirty", look.dirty},
                     {"oldest_due_seconds", std::max(0.0, look.oldest_due.count())},
                     {"parked", look.parked},
                     {"waiting", look.waiting}};
  if (stuck) checks["queue"]["message"] = "memories have been due for minutes and no worker gets through a round";
  verdict.detail = {{"ready", verdict.ready}, {"checks", std::move(checks)}};
  return verdict;
}

}  // namespace membridge::admin
