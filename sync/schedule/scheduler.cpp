#include "sync/schedule/scheduler.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <random>

#include "mappings/base/diagnostic.hpp"
#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/schedule/backfill_status.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

/// The jitter of a moment: equal in every process for the same moment, and different for the next.
std::chrono::seconds JitterOf(const Backfill& backfill, Instant moment) {
  if (backfill.jitter.count() <= 0) return std::chrono::seconds{0};
  std::uint64_t hash = 14695981039346656037u;
  for (const char c : backfill.name + FormatRfc3339(moment)) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return std::chrono::seconds{static_cast<std::int64_t>((hash >> 20U) % static_cast<std::uint64_t>(backfill.jitter.count() + 1))};
}

std::string NewHolder() {
  return fmt::format("{}-{:08x}", ::getpid(), std::random_device{}());
}

}  // namespace

/// An entry with its schedule read.
struct Scheduler::Timed {
  const Backfill* backfill;
  Cron cron;
  TimeZone zone;
  std::optional<Instant> look_at;  // when to ask the database again; nothing: never asked
};

/// A run under way here.
struct Scheduler::Held {
  Run run;
  std::unique_ptr<Job> job;
  Instant ready_at;                 // of the next step
  Steady::time_point committed_at;  // when the lease was last renewed
  bool over = false;                // not ours any more
};

Scheduler::Scheduler(SchedulerOptions options, std::string state_dsn, std::vector<Backfill> entries, MakeJob make_job,
                     const Clock& clock)
    : options_(options),
      entries_(std::move(entries)),
      make_job_(std::move(make_job)),
      clock_(clock),
      state_(std::move(state_dsn), "membridge scheduler"),
      holder_(NewHolder()) {}

Result<std::unique_ptr<Scheduler>> Scheduler::Make(SchedulerOptions options, std::string state_dsn,
                                                   std::vector<Backfill> backfills, MakeJob make_job, const Clock& clock) {
  std::unique_ptr<Scheduler> scheduler{
      new Scheduler(options, std::move(state_dsn), std::move(backfills), std::move(make_job), clock)};
  for (const Backfill& backfill : scheduler->entries_) {
    if (backfill.schedule.empty()) continue;
    auto cron = Cron::Parse(backfill.schedule);
    if (!cron) return Within(cron.error(), "backfill \"" + backfill.name + "\"");
    auto zone = TimeZone::Named(backfill.timezone);
    if (!zone) return Within(zone.error(), "backfill \"" + backfill.name + "\"");
    scheduler->timed_.push_back({&backfill, *cron, *zone, std::nullopt});
  }
  return scheduler;
}

Scheduler::~Scheduler() {
  try {
    for (const auto& held : held_) {
      postgres::Transaction transaction = state_.Get().Begin();
      RunStore{transaction}.Release(held->run);
      transaction.Commit();
    }
  } catch (const postgres::SqlFailure& failure) {
    Log(LogLevel::kWarn, "runs_left_to_their_lease", {{"runs", held_.size()}, {"sqlstate", failure.fields().sqlstate}});
  }
}

Result<bool> Scheduler::RunOnce() {
  try {
    if (!only_) QueueDue();
    const bool claimed = held_.size() < options_.at_once && ClaimOne();
    const bool stepped = StepOne();
    std::erase_if(held_, [](const auto& held) { return held->over; });
    return claimed || stepped;
  } catch (const postgres::SqlFailure& failure) {
    std::erase_if(held_, [](const auto& held) { return held->over; });
    return Fail(ErrorCode::kUnavailable, failure.AsError("scheduler").message,
                "the bridge tries again by itself; look at the database if this goes on");
  }
}

void Scheduler::QueueDue() {
  const Instant now = clock_.Now();
  for (Timed& timed : timed_) {
    if (timed.look_at && *timed.look_at > now) continue;
    postgres::Transaction transaction = state_.Get().Begin();
    const Instant since = RunStore{transaction}.MissedSince(timed.backfill->name, WordsOf(*timed.backfill), now);
    const auto moment = timed.cron.Last(since, now, timed.zone);
    if (moment && !IsPaused(transaction, timed.backfill->name)) {
      Run run;
      run.name = timed.backfill->name;
      run.project = timed.backfill->project;
      run.kind = timed.backfill->kind;
      run.options = timed.backfill->options;
      run.scheduled_for = moment;
      run.due_at = *moment + JitterOf(*timed.backfill, *moment);
      run.queued_at = now;
      const auto queued = RunStore{transaction}.Queue(run);
      // Refused: the last run is still under way, or another process made this one.
      if (queued)
        Log(LogLevel::kInfo, "backfill_queued", {{"backfill", run.name}, {"run", *queued}, {"moment", FormatRfc3339(*moment)}});
    }
    transaction.Commit();
    timed.look_at = timed.cron.Next(now, timed.zone);
    if (!timed.look_at) timed.look_at = Instant::max();
  }
}

bool Scheduler::ClaimOne() {
  std::vector<std::int64_t> mine;
  for (const auto& held : held_) mine.push_back(held->run.id);
  postgres::Transaction transaction = state_.Get().Begin();
  auto run = RunStore{transaction}.Claim(holder_, options_.lease, clock_.Now(), mine, only_);
  transaction.Commit();
  if (!run) return false;
  auto held = std::make_unique<Held>();
  held->run = std::move(*run);
  held->ready_at = clock_.Now();
  held->committed_at = Steady::now();
  held_.push_back(std::move(held));
  Held& taken = *held_.back();
  auto job = make_job_(taken.run);
  if (job) {
    taken.job = std::move(*job);
  } else {
    taken.run.error = job.error().message;
    Leave(taken, RunState::kFailed);
  }
  return true;
}

bool Scheduler::StepOne() {
  const Instant now = clock_.Now();
  for (std::size_t i = 0; i < held_.size(); ++i) {
    Held& held = *held_[(turn_ + i) % held_.size()];
    if (held.over) continue;
    if (held.ready_at <= now) {
      turn_ = (turn_ + i + 1) % held_.size();
      Work(held);
      return true;
    }
    Keep(held);
  }
  return false;
}

void Scheduler::Work(Held& held) {
  Run next = held.run;
  try {
    if (held.run.wanted.empty()) {
      if (next.failures > 0) next.error.clear();
      next.failures = 0;
      const auto step = held.job->Next(next);
      if (!step) {
        next.failures = held.run.failures;
        held.run = std::move(next);  // what was committed before it failed
        return FailStep(held, step.error());
      }
      held.run = std::move(next);
      CountTime(held);
      held.ready_at = clock_.Now() + step->wait;
      if (step->over) return Leave(held, RunState::kDone);
      return Obey(held, step->wanted);
    }
    Obey(held, held.run.wanted);
  } catch (const RunLost&) {
    Log(LogLevel::kWarn, "run_lost", {{"backfill", held.run.name}, {"run", held.run.id}});
    held.over = true;
  } catch (const postgres::SqlFailure& failure) {
    if (!failure.IsTransient()) return FailStep(held, failure.AsError("backfill"));
    held.ready_at = clock_.Now() + JitteredWait(options_.retry_base, options_.retry_cap, 0);
    throw;
  }
}

/// Adds the time since the last call to the run's working time; the next commit writes it.
void Scheduler::CountTime(Held& held) {
  const auto now = Steady::now();
  held.run.worked += std::chrono::duration_cast<milliseconds>(now - held.committed_at);
  held.committed_at = now;
}

/// Renews the lease of a waiting run, and reads what is wanted of it.
void Scheduler::Keep(Held& held) {
  if (Steady::now() - held.committed_at < options_.lease / 3) return;
  try {
    CountTime(held);
    postgres::Transaction transaction = state_.Get().Begin();
    const std::string wanted = RunStore{transaction}.Commit(held.run, options_.lease);
    transaction.Commit();
    Obey(held, wanted);
  } catch (const RunLost&) {
    held.over = true;
  }
}

void Scheduler::Obey(Held& held, const std::string& wanted) {
  if (wanted == "cancel") return Leave(held, RunState::kCancelled);
  if (wanted == "pause") return Leave(held, RunState::kPaused);
}

void Scheduler::FailStep(Held& held, const Error& error) {
  ++held.run.failures;
  held.run.error = error.message + (error.hint.empty() ? "" : "; " + error.hint);
  if (error.code != ErrorCode::kUnavailable || held.run.failures >= options_.most_failures) return Leave(held, RunState::kFailed);
  held.ready_at = clock_.Now() + JitteredWait(options_.retry_base, options_.retry_cap, held.run.failures - 1);
  postgres::Transaction transaction = state_.Get().Begin();
  const std::string wanted = RunStore{transaction}.Commit(held.run, options_.lease);
  transaction.Commit();
  Obey(held, wanted);
}

void Scheduler::Leave(Held& held, RunState state) {
  postgres::Transaction transaction = state_.Get().Begin();
  RunStore{transaction}.Leave(held.run, state, clock_.Now());
  RunStore{transaction}.Forget(options_.keep);
  transaction.Commit();
  held.over = true;
  Log(state == RunState::kFailed ? LogLevel::kError : LogLevel::kInfo, "backfill_left",
      {{"backfill", held.run.name},
       {"run", held.run.id},
       {"state", NameOf(state)},
       {"counters", held.run.counters},
       {"error", held.run.error}});
}

milliseconds Scheduler::NextDue(milliseconds patience) {
  const Instant now = clock_.Now();
  Instant next = now + patience;
  for (const Timed& timed : timed_) {
    if (!only_) next = std::min(next, timed.look_at.value_or(now));
  }
  for (const auto& held : held_) next = std::min(next, held->ready_at);
  return std::max(milliseconds{0}, std::chrono::ceil<milliseconds>(next - now));
}

std::optional<Instant> Scheduler::NextMoment(const std::string& name) const {
  for (const Timed& timed : timed_) {
    if (timed.backfill->name == name) return timed.cron.Next(clock_.Now(), timed.zone);
  }
  return std::nullopt;
}

Result<std::int64_t> Scheduler::Start(const std::string& name, const RunOptions& options) {
  for (const Backfill& entry : entries_) {
    if (entry.name != name) continue;
    Backfill asked = entry;
    // The entry decides what is read and how. The person decides how much, and whether it is a dry run.
    asked.options.dry_run = options.dry_run;
    asked.options.full = options.full || entry.options.full;
    asked.options.allow_vanishing = options.allow_vanishing;
    if (options.since) asked.options.since = options.since;
    return Start(asked);
  }
  std::vector<std::string> names;
  for (const Backfill& entry : entries_) names.push_back(entry.name);
  return Fail(ErrorCode::kNotFound, fmt::format("there is no backfill \"{}\"{}", name, mappings::DidYouMean(name, names)),
              "membridge backfill list shows them");
}

Result<std::int64_t> Scheduler::Start(const Backfill& backfill) {
  Run run;
  run.name = backfill.name;
  run.project = backfill.project;
  run.kind = backfill.kind;
  run.options = backfill.options;
  run.queued_at = run.due_at = clock_.Now();
  try {
    postgres::Transaction transaction = state_.Get().Begin();
    auto id = RunStore{transaction}.Queue(run);
    transaction.Commit();
    return id;
  } catch (const postgres::SqlFailure& failure) {
    return tl::unexpected<Error>(failure.AsError("backfill"));
  }
}

}  // namespace membridge::sync
