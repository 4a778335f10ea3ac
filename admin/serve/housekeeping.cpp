#include "admin/serve/housekeeping.hpp"

#include <functional>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/feed/keeping.hpp"
#include "sync/inbox/delivery_partitions.hpp"
#include "sync/inbox/events.hpp"
#include "sync/inbox/tokens.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/parked.hpp"
#include "sync/queue/queue.hpp"
#include "sync/worker/history.hpp"

namespace membridge::admin {
namespace {

using sync::postgres::Session;

/// Partitions are made this many days ahead, so that an operator has time to notice when they cannot be made.
constexpr int kDaysAhead = 7;
constexpr std::size_t kExpiredAtOnce = 1'000;
constexpr std::size_t kChangesAtOnce = 10'000;
constexpr std::chrono::seconds kKeepExpiredTokens = std::chrono::days{30};

/// Runs one step. Its failure does not affect the other steps; a step that could not get a lock is tried again after a minute.
void Step(const char* name, const std::function<void()>& step) {
  try {
    step();
  } catch (const sync::postgres::SqlFailure& failure) {
    Log(LogLevel::kWarn, "housekeeping_failed", {{"step", name}, {"error", failure.what()}});
  }
}

void EnsurePartitions(Session& session, Day today) {
  const auto made = sync::EnsurePartitions(session, today, kDaysAhead);
  if (!made.empty()) Log(LogLevel::kInfo, "partitions_made", {{"partitions", made}});
}

/// Uses a session of its own, because both statements wait for every transaction that reads deliveries, however long it takes.
void TidyPastDays(const std::string& state_dsn, Day today, Day first_kept) {
  Session session{state_dsn, "membridge housekeeping"};
  session.Set("statement_timeout", "0");
  const auto dropped = sync::DropPartitionsBefore(session, first_kept);
  if (!dropped.empty()) Log(LogLevel::kInfo, "partitions_dropped", {{"partitions", dropped}});
  const auto indexes = sync::IndexPastDays(session, today);
  if (!indexes.empty()) Log(LogLevel::kInfo, "partitions_indexed", {{"indexes", indexes}});
}

/// Old entries of the change feed leave, and its publication is made where one is wanted. A target without a feed may have
/// entries of the time when it had one.
void TidyFeed(const TargetConfig& target, const std::string& dsn, const std::stop_token& stop) {
  Session session{dsn, "membridge housekeeping"};
  if (!sync::HasChanges(session)) return;
  std::size_t forgotten = kChangesAtOnce;
  while (forgotten == kChangesAtOnce && !stop.stop_requested())
    forgotten = sync::ForgetChanges(session, target.feed.retention, kChangesAtOnce);
  if (target.feed.publication && sync::EnsurePublication(session, *target.feed.publication))
    Log(LogLevel::kInfo, "publication_made", {{"target", target.name}, {"publication", *target.feed.publication}});
}

std::size_t MarkExpired(Session& session, Day today) {
  sync::postgres::Transaction transaction = session.Begin();
  const std::size_t marked = sync::Mirror{transaction}.MarkExpired(today, kExpiredAtOnce);
  transaction.Commit();
  return marked;
}

}  // namespace

Housekeeping::Housekeeping(const Config& config, std::string state_dsn, const Clock& clock, Metrics& metrics,
                           sync::WakeUp& wake_up)
    : config_(config), state_dsn_(std::move(state_dsn)), clock_(clock), metrics_(metrics), wake_up_(wake_up) {
  // Do this before deliveries arrive.
  Session session{state_dsn_, "membridge housekeeping"};
  Step("partitions", [&] { EnsurePartitions(session, std::chrono::floor<std::chrono::days>(clock_.Now())); });
  thread_.emplace("housekeeping", [this](const std::stop_token& stop) {
    Tidy(stop);
    return std::chrono::minutes{1};
  });
}

void Housekeeping::Tidy(const std::stop_token& stop) {
  Session session{state_dsn_, "membridge housekeeping"};
  const Day today = std::chrono::floor<std::chrono::days>(clock_.Now());
  Step("partitions", [&] { EnsurePartitions(session, today); });
  Step("expiry", [&] {
    std::size_t marked = kExpiredAtOnce;
    while (marked == kExpiredAtOnce && !stop.stop_requested()) {
      marked = MarkExpired(session, today);
      if (marked > 0) wake_up_.Poke();
      metrics_.Count("membridge_memories_expired_total", "Memories whose last day passed", {}, static_cast<double>(marked));
    }
  });
  Step("retention",
       [&] { TidyPastDays(state_dsn_, today, today - std::chrono::ceil<std::chrono::days>(config_.keep_deliveries)); });
  Step("parked", [&] {
    sync::postgres::Transaction transaction = session.Begin();
    sync::ParkedStore{transaction}.Drop({.older_than = std::chrono::seconds{config_.keep_parked}});
    sync::Events{transaction}.Forget(std::chrono::seconds{config_.keep_parked});
    transaction.Commit();
  });
  Step("runs", [&] {
    sync::postgres::Transaction transaction = session.Begin();
    const std::size_t forgotten = sync::RunStore{transaction}.ForgetBefore(clock_.Now() - config_.keep_runs);
    transaction.Commit();
    if (forgotten > 0) Log(LogLevel::kInfo, "runs_forgotten", {{"runs", forgotten}});
  });
  Step("history", [&] {
    sync::postgres::Transaction transaction = session.Begin();
    sync::History{transaction}.Forget(clock_.Now());
    transaction.Commit();
  });
  Step("replays", [&] { session.Run("DELETE FROM membridge.replays WHERE expires_at < clock_timestamp()"); });
  for (const TargetConfig& target : config_.targets)
    Step("feed", [&] { TidyFeed(target, target.dsn.value_or(state_dsn_), stop); });
  Step("tokens", [&] {
    sync::postgres::Transaction transaction = session.Begin();
    sync::Tokens{transaction}.Forget(kKeepExpiredTokens);
    transaction.Commit();
  });
}

}  // namespace membridge::admin
