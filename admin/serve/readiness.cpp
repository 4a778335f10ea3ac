#include "admin/serve/readiness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "sync/migrations/migrate.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::admin {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// A look older than this is too old to be used.
constexpr std::chrono::seconds kStale = 15s;

constexpr const char* kLook = R"(
  SELECT count(*),
         count(*) FILTER (WHERE claimed_until > clock_timestamp()),
         coalesce(extract(epoch FROM clock_timestamp() - min(due_at)
           FILTER (WHERE due_at <= clock_timestamp() AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()))), 0),
         (SELECT count(*) FROM (SELECT DISTINCT project, memory_id FROM membridge.parked) AS memories),
         (SELECT count(*) FROM membridge.memories WHERE waits),
         count(*) FILTER (WHERE blocked_since IS NULL
                            AND (attempts > 0 OR due_at <= clock_timestamp() OR claimed_until > clock_timestamp()))
    FROM membridge.dirty)";
constexpr const char* kLookAtServer =
    "SELECT NOT pg_catalog.pg_is_in_recovery() AND pg_catalog.current_setting('default_transaction_read_only') = 'off'";
constexpr const char* kLookAtEvents = R"(
  SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(queued_at)), 0) FROM membridge.events WHERE parked = '{}')";
// Only a thousand deliveries are read; the oldest of them is close enough to the true value.
constexpr const char* kLookAtJournal = R"(
  SELECT coalesce(extract(epoch FROM clock_timestamp() - min(unfolded.received_at)), 0) FROM (
    (SELECT d.received_at FROM membridge.fold f, membridge.deliveries d
     WHERE d.received_at >= membridge.journal_begin() AND d.xid >= pg_snapshot_xmax(coalesce(f.snapshot, '1:1:')::pg_snapshot)
     ORDER BY d.xid LIMIT 1000)
    UNION ALL
    (SELECT d.received_at FROM membridge.fold f, membridge.deliveries d
     WHERE d.received_at >= membridge.journal_begin()
       AND d.xid = ANY (ARRAY(SELECT x FROM pg_snapshot_xip(coalesce(f.snapshot, '1:1:')::pg_snapshot) AS x)) LIMIT 1000)) AS unfolded)";

sync::BlockedSum BlockedNow(sync::postgres::Session& session) {
  sync::postgres::Transaction transaction = session.Begin();
  return sync::SumBlocked(transaction);
}

}  // namespace

Readiness::Readiness(std::string state_dsn, Sources sources, Reasons& reasons)
    : state_dsn_(std::move(state_dsn)), sources_(std::move(sources)), reasons_(reasons) {
  thread_.emplace("readiness", [this](const std::stop_token&) { return Look(); });
}

QueueLook Readiness::Last() const {
  const std::lock_guard lock{mutex_};
  return last_;
}

std::chrono::milliseconds Readiness::Look() {
  QueueLook look;
  const auto began = steady_clock::now();
  try {
    // Open a session for each look. A session that is kept open would not notice that the server refuses new ones.
    sync::postgres::Session session{state_dsn_, "membridge readiness"};
    look.reachable = true;
    look.writable = session.Run(kLookAtServer).Text(0, 0) == "t";
    const auto pending = sync::PendingMigrations(session, sync::MigrationKind::kState);
    look.migrated = pending && pending->empty();
    look.newer = !pending && pending.error().code == ErrorCode::kRefused;
    if (look.migrated) {
      const auto rows = session.Run(kLook);
      look.dirty = rows.Int(0, 0);
      look.claimed = rows.Int(0, 1);
      look.oldest_due = std::chrono::duration<double>{std::stod(std::string{rows.Text(0, 2)})};
      look.parked = rows.Int(0, 3);
      look.waiting = rows.Int(0, 4);
      look.at_work = rows.Int(0, 5);
      look.blocked = BlockedNow(session);
      const auto events = session.Run(kLookAtEvents);
      look.events = events.Int(0, 0);
      look.oldest_event = std::chrono::duration<double>{std::stod(std::string{events.Text(0, 1)})};
      const auto journal = session.Run(kLookAtJournal);
      look.oldest_unfolded = std::chrono::duration<double>{std::stod(std::string{journal.Text(0, 0)})};
    }
  } catch (const sync::postgres::SqlFailure&) {
    look.reachable = false;  // Ready() reports it, and the workers log it
  }
  look.at = steady_clock::now();
  if (look.reachable && look.migrated) {
    const bool stands = sources_.finished && standstill_.Look(look.at, look.at_work, sources_.finished());
    reasons_.Set(Degraded::kStandstill, {}, stands,
                 stands ? fmt::format("{} memories are due, and this process has finished none for {} seconds", look.at_work,
                                      Standstill::kAfter.count())
                        : "");
    reasons_.Set(Degraded::kBlocked, {}, look.blocked.memories > 0,
                 fmt::format("{} memories wait for rows that another session holds locked", look.blocked.memories));
  }
  const std::lock_guard lock{mutex_};
  last_ = look;
  return std::max<std::chrono::milliseconds>(1s, std::chrono::duration_cast<std::chrono::milliseconds>(20 * (look.at - began)));
}

Readiness::Verdict Readiness::Ready() const {
  const QueueLook look = Last();
  const bool fresh = look.at.time_since_epoch().count() != 0 && steady_clock::now() - look.at < kStale;
  const bool reachable = fresh && look.reachable;
  const bool stores = reachable && look.writable && !sources_.storing_fails();
  Verdict verdict;
  verdict.ready = stores && look.migrated;
  nlohmann::json checks;
  checks["database"] = {{"ok", stores}};
  if (!reachable) {
    checks["database"]["message"] = "the state database cannot be reached";
  } else if (!look.writable) {
    checks["database"]["message"] = "the state database is read-only or a standby, so that no delivery can be stored";
  } else if (!stores) {
    checks["database"]["message"] =
        "the latest deliveries could not be stored; look at the log of PostgreSQL (a full disk, a lock)";
  }
  checks["migrations"] = {{"ok", reachable && look.migrated}};
  if (reachable && !look.migrated)
    checks["migrations"]["message"] =
        look.newer ? "the database is newer than this binary; start the newer membridge (membridge check says which)"
                   : "the database is not what this binary expects; run membridge migrate";
  checks["queue"] = {{"ok", reachable},
                     {"dirty", look.dirty},
                     {"oldest_due_seconds", std::max(0.0, look.oldest_due.count())},
                     {"blocked", look.blocked.memories},
                     {"parked", look.parked},
                     {"waiting", look.waiting}};
  verdict.detail = {{"ready", verdict.ready}, {"checks", std::move(checks)}};
  return verdict;
}

}  // namespace membridge::admin
