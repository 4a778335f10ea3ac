#include "sync/backfill/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <map>
#include <set>

#include "mappings/base/log.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/backfill/walk.hpp"
#include "sync/queue/reproject.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

constexpr std::size_t kDoubtsAtOnce = 1000;
constexpr milliseconds kConfirmPause{200};

// Names in the cursor.
constexpr auto kSweepPhase = "phase";
constexpr auto kWalking = "walk", kMissing = "missing", kConfirming = "confirm", kOver = "over";

Instant TimeIn(const json& cursor, const char* key) {
  return ParseRfc3339(cursor.value(key, std::string{})).value_or(Instant{});
}

/// What the mirror read before `began` and the walk does not meet is missing.
void StartWalk(Run& run, int walk, Instant began) {
  run.cursor["walk"] = walk;
  run.cursor["began"] = FormatRfc3339(began);
  run.cursor["page"] = 1;
  run.cursor["met"] = 0;
  run.cursor["disturbed"] = "";
  run.cursor.erase("first_count");
  run.cursor.erase("count");
  run.done = 0;
}

/// No upper bound: a memory that changes during the walk would drop out of the list and move all others up by one.
mem0::Filter FilterOf(const Run& run) {
  mem0::Filter filter = mem0::Filter::Everything();
  if (run.cursor.contains("from")) filter.UpdatedFrom(TimeIn(run.cursor, "from"));
  return filter;
}

std::int64_t PagesAtMost(std::int64_t count, int page_size) {
  return 2 * (count / page_size) + 100;
}

}  // namespace

/// A page on its way: what was read, and how it compares.
struct Sweep::Page {
  mem0::MemoryPage read;
  std::vector<MemoryId> met;                // all of it, those that could not be read included
  std::vector<mappings::Memory> different;  // each id once
  std::vector<Walk::Known> known;           // of `different`
};

/// A page that is being read while the one before it is applied. What was asked for is kept, so that it is used for nothing else.
struct Sweep::Ahead {
  std::int64_t run;
  int walk;
  int page;
  std::future<Result<mem0::MemoryPage>> answer;

  bool Is(const Run& other) const {
    return run == other.id && walk == other.cursor["walk"].get<int>() && page == other.cursor["page"].get<int>();
  }
};

Sweep::Sweep(SweepOptions options, std::string state_dsn, std::unique_ptr<mem0::Client> client, std::unique_ptr<Worker> worker,
             const Clock& clock)
    : options_(options),
      state_dsn_(std::move(state_dsn)),
      client_(std::move(client)),
      worker_(std::move(worker)),
      clock_(clock) {}

Sweep::~Sweep() = default;

postgres::Session& Sweep::State() {
  if (state_ && !state_->Usable()) state_.reset();
  if (!state_) state_.emplace(state_dsn_, "membridge sweep");
  return *state_;
}

std::string Sweep::Commit(postgres::Transaction& transaction, const Run& run) {
  return RunStore::Commit(transaction, run, options_.lease);
}

Result<Job::Step> Sweep::Next(Run& run) {
  if (!run.cursor.contains(kSweepPhase)) Begin(run);
  const std::string phase = run.cursor[kSweepPhase];
  if (phase == kWalking) return WalkOn(run);
  if (phase == kMissing) return LookForMissing(run);
  if (phase == kConfirming) return Confirm(run);
  return Step{true, {}, {}};
}

/// Where the walk begins and what its watermark will be is decided once, whoever goes on with the run.
void Sweep::Begin(Run& run) {
  postgres::Transaction transaction = State().Begin();
  Walk::Tidy(transaction);
  const auto watermark = Walk::Watermark(transaction, run.project);
  run.cursor[kSweepPhase] = kWalking;
  run.cursor["first_load"] = !watermark;
  run.cursor["cutoff"] = FormatRfc3339(clock_.Now());
  if (run.kind == BackfillKind::kIncrementalSweep) {
    if (run.options.since) {
      run.cursor["from"] = FormatRfc3339(*run.options.since);
    } else if (watermark) {
      run.cursor["from"] = FormatRfc3339(*watermark - options_.overlap);
    }
  }
  StartWalk(run, 1, Walk::Now(transaction));
  Commit(transaction, run);
  transaction.Commit();
}

Result<Sweep::Page> Sweep::ReadPage(const Run& run) {
  const std::unique_ptr<Ahead> ahead = std::move(ahead_);
  const bool was_read = ahead && ahead->Is(run);
  if (ahead && !was_read) ahead->answer.wait();  // the client is one thread's at a time
  auto read =
      was_read ? ahead->answer.get() : client_->ListMemories(FilterOf(run), run.cursor["page"].get<int>(), options_.page_size);
  if (!read) return tl::unexpected<Error>(read.error());
  Page page;
  page.read = std::move(*read);
  return page;
}

/// Nothing of what is read here is older than what a walk would read that waited: a change that comes in the meantime makes the
/// mirror newer than the page, or the memory dirty, and either goes ahead of it.
void Sweep::ReadAhead(const Run& run, const Page& page) {
  if (page.read.last) return;
  const int next = run.cursor["page"].get<int>() + 1;
  auto read = [this, filter = FilterOf(run), next] { return client_->ListMemories(filter, next, options_.page_size); };
  ahead_ = std::make_unique<Ahead>(
      Ahead{run.id, run.cursor["walk"].get<int>(), next, std::async(std::launch::async, std::move(read))});
}

void Sweep::Compare(const Run& run, Page& page) {
  std::map<std::string, mappings::Memory*> by_id;  // a page may hold a memory twice when pages shift under it
  for (mappings::Memory& memory : page.read.memories) {
    mappings::Memory*& kept = by_id[memory.id.Text()];
    if (kept == nullptr || kept->updated_at < memory.updated_at) kept = &memory;
  }
  for (const auto& [id, memory] : by_id) page.met.push_back(memory->id);
  postgres::Transaction transaction = State().Begin();
  const std::vector<Walk::Known> known = Walk::LookUp(transaction, run.project, page.met);
  transaction.Commit();
  for (std::size_t i = 0; i < known.size(); ++i) {
    mappings::Memory& memory = *by_id.at(page.met[i].Text());
    if (known[i].known && !known[i].gone && known[i].digest == mappings::DigestOf(memory)) continue;
    page.different.push_back(std::move(memory));
    page.known.push_back(known[i]);
  }
  page.met.insert(page.met.end(), page.read.unreadable.begin(), page.read.unreadable.end());
}

Result<Job::Step> Sweep::WalkOn(Run& run) {
  auto page = ReadPage(run);
  if (!page) return tl::unexpected<Error>(page.error());
  ReadAhead(run, *page);
  Compare(run, *page);
  const Run before = run;
  Step step;
  const auto account = [&](postgres::Transaction& transaction, const std::vector<Worker::Fate>& fates) {
    run = before;
    Account(transaction, run, *page, fates);
    step.wanted = Commit(transaction, run);
  };
  if (run.options.dry_run || page->different.empty()) {
    postgres::Transaction transaction = State().Begin();
    std::vector<Worker::Fate> fates;
    for (const Walk::Known& known : page->known) {
      fates.push_back(known.known ? Worker::Fate::kUpdated : Worker::Fate::kAdded);
    }
    account(transaction, fates);
    transaction.Commit();
  } else if (const auto applied = worker_->ApplyRecords(run.project, page->different, account); !applied) {
    run = before;
    return tl::unexpected<Error>(applied.error());
  }
  return step;
}

/// Counts the page and moves the cursor on.
void Sweep::Account(postgres::Transaction& transaction, Run& run, const Page& page, const std::vector<Worker::Fate>& fates) {
  const int walk = run.cursor["walk"];
  const std::set<std::string> fresh = Walk::Meet(transaction, run, page.met, walk);
  run.cursor["met"] = run.cursor["met"].get<std::int64_t>() + static_cast<std::int64_t>(fresh.size());
  run.done = run.cursor["met"];
  run.Count("calls", 1);
  if (walk == 1) run.Count("seen", static_cast<std::int64_t>(fresh.size()));
  run.Count("unreadable", static_cast<std::int64_t>(page.read.unreadable.size() + page.read.nameless));

  const Instant undelivered = clock_.Now() - options_.delivery_patience;
  const bool first_load = run.cursor["first_load"];
  std::vector<MemoryId> doubts;
  for (std::size_t i = 0; i < fates.size(); ++i) {
    const mappings::Memory& memory = page.different[i];
    const bool lost = memory.updated_at <= undelivered && (!run.options.dry_run || fresh.contains(memory.id.Text()));
    switch (fates[i]) {
      case Worker::Fate::kAdded:
        run.Count("changed", 1);
        if (first_load) {
          run.Count("loaded", 1);
        } else if (lost) {
          run.Count("repaired_added", 1);
        }
        break;
      case Worker::Fate::kUpdated:
        run.Count("changed", 1);
        if (lost) run.Count("repaired_updated", 1);
        break;
      case Worker::Fate::kParked:
        run.Count("parked", 1);
        break;
      case Worker::Fate::kLeft:
        run.Count("left_to_workers", 1);
        doubts.push_back(memory.id);
        break;
      case Worker::Fate::kSame:
      case Worker::Fate::kBusy:
        break;
    }
  }
  Walk::Doubt(transaction, run, doubts);

  std::string disturbed = run.cursor["disturbed"];
  if (page.read.nameless > 0) disturbed = "records without an id";
  if (page.read.count) {
    if (!run.cursor.contains("first_count")) run.cursor["first_count"] = *page.read.count;
    if (run.cursor.contains("count") && *page.read.count < run.cursor["count"].get<std::int64_t>()) disturbed = "the list shrank";
    run.cursor["count"] = *page.read.count;
    run.total = *page.read.count;
  }
  if (page.read.leads_elsewhere && run.Counter("links_elsewhere") == 0) {
    run.Count("links_elsewhere", 1);
    Log(LogLevel::kWarn, "link_to_another_server", {{"project", run.project.Text()}, {"backfill", run.name}});
  }
  const int at = run.cursor["page"];
  const bool endless = at > PagesAtMost(run.cursor.value("first_count", std::int64_t{0}), options_.page_size) &&
                       run.cursor.contains("first_count");
  if (endless) disturbed = "the list did not end";
  run.cursor["disturbed"] = disturbed;
  run.cursor["page"] = at + 1;
  if (page.read.last || endless) EndWalk(transaction, run);
}

void Sweep::EndWalk(postgres::Transaction& transaction, Run& run) {
  run.Count("walks", 1);
  const int walk = run.cursor["walk"];
  const std::int64_t met = run.cursor["met"];
  std::string disturbed = run.cursor["disturbed"];
  if (disturbed.empty() && run.cursor.contains("first_count") && met < run.cursor["first_count"].get<std::int64_t>()) {
    disturbed = "pages shifted";
  }
  // The table of what was met does not survive a crash of PostgreSQL.
  if (disturbed.empty() && Walk::Met(transaction, run, walk) != met) disturbed = "the database restarted";
  if (!disturbed.empty() && walk < options_.walks) {
    StartWalk(run, walk + 1, Walk::Now(transaction));
    return;
  }
  if (!disturbed.empty()) {
    run.cursor["note"] =
        fmt::format("walked {} times and never undisturbed ({}): nothing is concluded, the watermark stays", walk, disturbed);
  } else if (!run.options.dry_run) {
    Walk::MoveWatermark(transaction, run.project, TimeIn(run.cursor, "cutoff"));
  }
  run.total = run.done;
  const bool concludes = disturbed.empty() && run.kind == BackfillKind::kFullSweep;
  run.cursor[kSweepPhase] = concludes ? kMissing : kConfirming;
  run.cursor["confirm_until"] = FormatRfc3339(clock_.Now() + options_.confirm_patience);
}

Result<Job::Step> Sweep::LookForMissing(Run& run) {
  const int walk = run.cursor["walk"];
  const Instant began = TimeIn(run.cursor, "began");
  Step step;
  postgres::Transaction transaction = State().Begin();
  if (!run.cursor.contains("missing")) {
    const Walk::Missing found = Walk::CountMissing(transaction, run, walk, began);
    const double allowed =
        std::max(static_cast<double>(options_.vanishing_at_least), options_.vanishing_share * static_cast<double>(found.live));
    run.counters["missing"] = found.missing;
    if (!run.options.dry_run && !run.options.allow_vanishing && static_cast<double>(found.missing) > allowed) {
      Commit(transaction, run);
      transaction.Commit();
      return Fail(ErrorCode::kRefused,
                  fmt::format("{} of {} memories are missing at Mem0, more than may vanish at once", found.missing, found.live),
                  "make sure the API key is the right project's; if they are really gone, sweep again with --allow-vanishing");
    }
    run.cursor["missing"] = found.missing;
  }
  const bool look = !run.options.dry_run && run.cursor["missing"].get<std::int64_t>() > 0;
  if (!look || Walk::DoubtMissing(transaction, run, walk, began, kDoubtsAtOnce) == 0) {
    run.cursor[kSweepPhase] = kConfirming;
    run.cursor["confirm_until"] = FormatRfc3339(clock_.Now() + options_.confirm_patience);
  }
  step.wanted = Commit(transaction, run);
  transaction.Commit();
  return step;
}

/// Waits for the workers' reads, and counts what they found.
Result<Job::Step> Sweep::Confirm(Run& run) {
  Step step;
  // Only now: what is applied again counts as read, and would not have been missed.
  const bool looks_at_waiting = run.kind == BackfillKind::kFullSweep && !run.options.dry_run && !run.cursor.contains("waiting");
  if (looks_at_waiting) run.cursor["waiting"] = MarkWaiting(State(), run.project);
  postgres::Transaction transaction = State().Begin();
  const Walk::Resolved resolved = Walk::Resolve(transaction, run);
  run.Count("repaired_added", resolved.added);
  run.Count("repaired_updated", resolved.updated);
  run.Count("repaired_deleted", resolved.deleted);
  run.Count("changed", resolved.added + resolved.updated + resolved.deleted);
  step.over = resolved.left == 0;
  if (!step.over && clock_.Now() >= TimeIn(run.cursor, "confirm_until")) {
    step.over = true;
    run.error = fmt::format("{} memories were not read again in time: they stay in the queue and are not counted", resolved.left);
  }
  if (step.over) {
    if (run.error.empty()) run.error = run.cursor.value("note", std::string{});
    run.cursor[kSweepPhase] = kOver;
  } else {
    step.wait = kConfirmPause;
  }
  step.wanted = Commit(transaction, run);
  transaction.Commit();
  return step;
}

}  // namespace membridge::sync
