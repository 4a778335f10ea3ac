#include "sync/backfill/sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "mappings/base/log.hpp"
#include "sync/backfill/pages_ahead.hpp"
#include "sync/backfill/run_store.hpp"
#include "sync/backfill/walk.hpp"
#include "sync/queue/reproject.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kDoubtsAtOnce = 1000;
constexpr milliseconds kConfirmPause{200};
constexpr int kFirstTogether = 5;  // page

/// No upper bound: a memory that changes during the walk would drop out of the list and move all others up by one.
mem0::PageRequest RequestOf(const SweepCursor& cursor, int page_size) {
  return {.updated_from = cursor.from, .page = cursor.page, .after = cursor.after, .size = page_size};
}

}  // namespace

/// A page that was read, with its comparison to the mirror.
struct Sweep::Page {
  mem0::MemoryPage read;
  std::vector<MemoryId> met;       // all of it, those that could not be read included
  std::size_t first = 0, end = 0;  // of Pages::different
};

/// Pages that are applied together.
struct Sweep::Pages {
  std::vector<Page> pages;
  std::vector<mappings::Memory> different;  // each id once
  std::vector<Walk::Known> known;           // of `different`
};

Sweep::Sweep(SweepOptions options, std::string state_dsn, std::unique_ptr<mem0::Records> client, std::unique_ptr<Worker> worker,
             const Clock& clock)
    : options_(options),
      client_(std::move(client)),
      worker_(std::move(worker)),
      clock_(clock),
      state_(std::move(state_dsn), "membridge sweep"),
      ahead_(*client_) {}

Sweep::~Sweep() = default;

std::string Sweep::Commit(postgres::Transaction& transaction, Run& run, const SweepCursor& cursor) {
  run.cursor = cursor.AsJson();
  return RunStore{transaction}.Commit(run, options_.lease);
}

Result<Job::Step> Sweep::Next(Run& run) {
  SweepCursor cursor = SweepCursor::FromJson(run.cursor);
  // A sweep that left a target out would end as done, and its watermark would claim that everything was applied.
  if (cursor.phase != SweepCursor::Phase::kOver && !run.options.dry_run) {
    if (const auto may = worker_->MayWrite(run.project); !may) return tl::unexpected<Error>(may.error());
  }
  if (cursor.phase == SweepCursor::Phase::kBegin) Begin(run, cursor);
  switch (cursor.phase) {
    case SweepCursor::Phase::kWalk:
      return WalkOn(run, std::move(cursor));
    case SweepCursor::Phase::kMissing:
      return LookForMissing(run, std::move(cursor));
    case SweepCursor::Phase::kConfirm:
      return Confirm(run, std::move(cursor));
    case SweepCursor::Phase::kBegin:
    case SweepCursor::Phase::kOver:
      break;
  }
  if (cursor.unsound) return Fail(ErrorCode::kRefused, cursor.note);
  return Step{true, {}, {}};
}

/// Decides once, for all processes that go on with the run, where the walk begins and what its watermark will be.
void Sweep::Begin(Run& run, SweepCursor& cursor) {
  postgres::Transaction transaction = state_.Get().Begin();
  Walk walk{transaction, run};
  walk.Tidy();
  const auto watermark = walk.Watermark();
  cursor = SweepCursor{};
  cursor.phase = SweepCursor::Phase::kWalk;
  cursor.first_load = !watermark;
  cursor.cutoff = clock_.Now();
  if (run.kind == BackfillKind::kIncrementalSweep) {
    if (run.options.since) {
      cursor.from = run.options.since;
    } else if (watermark) {
      cursor.from = *watermark - options_.overlap;
    }
  }
  cursor.StartWalk(1, walk.Now());
  run.done = 0;
  Commit(transaction, run, cursor);
  transaction.Commit();
}

/// How many pages are read together from this one on. The first pages of a walk are read one by one, so that short lists and
/// lists that go wrong from the start cost no more calls than they must.
int Sweep::PagesAt(int page) const {
  return page < kFirstTogether ? 1 : pages_;
}

/// Reads pages and begins to read the next ones. Reading ahead is safe although pages may become outdated: a change in between
/// makes the mirror newer than the page or the memory dirty, and both win over the page.
Result<Sweep::Pages> Sweep::ReadPages(const Run& run, const SweepCursor& cursor) {
  const PagesWanted wanted{run.id, cursor.walk, cursor.list.Listed(), PagesAt(cursor.page),
                           RequestOf(cursor, options_.page_size)};
  auto read = ahead_.Read(wanted);
  if (!read) return tl::unexpected<Error>(read.error());
  ahead_.ReadBehind(wanted, *read, PagesAt(cursor.page + static_cast<int>(read->size())));
  Pages pages;
  for (mem0::MemoryPage& page : *read) pages.pages.emplace_back().read = std::move(page);
  return pages;
}

void Sweep::Compare(const Run& run, Pages& pages) {
  std::map<std::string, mappings::Memory*> by_id;  // pages may hold a memory twice when they shift
  std::vector<MemoryId> ids;
  std::vector<mappings::Memory*> memories;
  for (Page& page : pages.pages) {
    std::set<std::string> here;
    page.first = ids.size();
    for (mappings::Memory& memory : page.read.memories) {
      if (here.insert(memory.id.Text()).second) page.met.push_back(memory.id);
      mappings::Memory*& kept = by_id[memory.id.Text()];
      if (kept == nullptr) {
        kept = &memory;
        ids.push_back(memory.id);
        memories.push_back(&memory);
      } else if (kept->updated_at < memory.updated_at) {
        *kept = memory;
      }
    }
    page.end = ids.size();
    page.met.insert(page.met.end(), page.read.unreadable.begin(), page.read.unreadable.end());
  }
  postgres::Transaction transaction = state_.Get().Begin();
  const std::vector<Walk::Known> known = Walk{transaction, run}.LookUp(ids);
  transaction.Commit();
  for (Page& page : pages.pages) {
    const std::size_t first = pages.different.size();
    for (std::size_t i = page.first; i < page.end; ++i) {
      if (known[i].known && !known[i].gone && known[i].digest == mappings::DigestOf(*memories[i])) continue;
      pages.different.push_back(std::move(*memories[i]));
      pages.known.push_back(known[i]);
    }
    page.first = first;
    page.end = pages.different.size();
  }
}

Result<Job::Step> Sweep::WalkOn(Run& run, SweepCursor cursor) {
  auto pages = ReadPages(run, cursor);
  if (!pages) return tl::unexpected<Error>(pages.error());
  Compare(run, *pages);
  const Run before = run;
  Step step;
  bool goes_well = true;  // every page brought something new, and there are more
  const auto account = [&](postgres::Transaction& transaction, const std::vector<Worker::Fate>& fates) {
    run = before;
    goes_well = true;
    SweepCursor next = cursor;
    for (const Page& page : pages->pages) {
      const std::int64_t met = next.met;
      const ListWatch::Verdict verdict = Account(transaction, run, next, *pages, page, fates);
      goes_well = goes_well && next.met > met;
      if (verdict == ListWatch::Verdict::kMore) continue;
      goes_well = false;
      EndWalk(transaction, run, next, verdict);
      break;
    }
    step.wanted = Commit(transaction, run, next);
  };
  if (run.options.dry_run || pages->different.empty()) {
    postgres::Transaction transaction = state_.Get().Begin();
    std::vector<Worker::Fate> fates;
    for (const Walk::Known& known : pages->known) {
      fates.push_back(known.known ? Worker::Fate::kUpdated : Worker::Fate::kAdded);
    }
    account(transaction, fates);
    transaction.Commit();
  } else if (const auto applied = worker_->ApplyRecords(run.project, pages->different, account, client_->IsExact()); !applied) {
    run = before;
    pages_ = 1;
    return tl::unexpected<Error>(applied.error());
  } else {
    goes_well = goes_well && !worker_->DividedRecords();
  }
  pages_ = goes_well ? std::min(2 * pages_, options_.pages) : 1;
  return step;
}

/// Counts the page and advances the cursor.
ListWatch::Verdict Sweep::Account(postgres::Transaction& transaction, Run& run, SweepCursor& cursor, const Pages& pages,
                                  const Page& page, const std::vector<Worker::Fate>& fates) {
  Walk walk{transaction, run};
  const Walk::Meeting meeting = walk.Meet(page.met, cursor.walk);
  const std::set<std::string>& fresh = meeting.fresh;
  cursor.met += static_cast<std::int64_t>(fresh.size());
  cursor.strangers += meeting.strangers;
  run.done = cursor.met;
  run.Count("calls", 1);
  if (cursor.walk == 1) {
    run.Count("seen", static_cast<std::int64_t>(fresh.size()));
    run.Count("unreadable", static_cast<std::int64_t>(page.read.unreadable.size() + page.read.nameless));
  }

  const Instant undelivered = clock_.Now() - options_.delivery_patience;
  std::vector<MemoryId> doubts;
  for (std::size_t i = page.first; i < page.end; ++i) {
    const mappings::Memory& memory = pages.different[i];
    const bool lost = memory.updated_at <= undelivered && (!run.options.dry_run || fresh.contains(memory.id.Text()));
    switch (fates[i]) {
      case Worker::Fate::kAdded:
        run.Count("changed", 1);
        if (cursor.first_load) {
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
      case Worker::Fate::kBusy:
        if (cursor.walk == 1) run.Count("already_marked", 1);
        break;
      case Worker::Fate::kSame:
        break;
    }
  }
  walk.Doubt(doubts);
  if (!run.options.dry_run && cursor.walk == 1) walk.DoubtUnreadable(page.read.unreadable);

  // Records without an id look the same on every page, so they count as new only when their page brings something new.
  const std::size_t nameless = fresh.empty() && !page.met.empty() ? 0 : page.read.nameless;
  cursor.nameless += static_cast<std::int64_t>(nameless);
  const ListWatch::Verdict verdict =
      cursor.list.See({page.read.Records(), fresh.size() + nameless, page.read.count, page.read.linked, page.read.past_end});
  if (page.read.count) run.total = *page.read.count;
  if (page.read.leads_elsewhere && run.Counter("links_elsewhere") == 0) {
    run.Count("links_elsewhere", 1);
    Log(LogLevel::kWarn, "link_to_another_server", {{"project", run.project.Text()}, {"backfill", run.name}});
  }
  ++cursor.page;
  cursor.after = page.read.last_key;
  return verdict;
}

void Sweep::EndWalk(postgres::Transaction& transaction, Run& run, SweepCursor& cursor, ListWatch::Verdict verdict) {
  Walk walk{transaction, run};
  run.Count("walks", 1);
  const bool own_end = verdict == ListWatch::Verdict::kEnd;
  const auto count = cursor.list.Count();
  // Two walks that ended by themselves and met the same memories were not disturbed, so the count is wrong.
  const bool same = own_end && cursor.met_before == cursor.met && cursor.strangers == 0;
  std::string disturbed;
  if (!own_end) {
    disturbed = std::string{"the list is wrong: "} + Describe(verdict);
  } else if (same) {
    if (count && cursor.list.Listed() < *count) {
      cursor.note = fmt::format("Mem0 counts {} memories and lists {}, twice the same: those are taken for all", *count,
                                cursor.list.Listed());
    }
  } else if (cursor.list.Shrank()) {
    disturbed = "the list shrank";
  } else if (count && cursor.list.Listed() < *count) {
    disturbed = "pages shifted";
  }
  // The table of met memories is unlogged, so a crash of PostgreSQL empties it.
  if (disturbed.empty() && walk.Met(cursor.walk) != cursor.met) disturbed = "the database restarted";
  if (!disturbed.empty() && cursor.walk < options_.walks) {
    cursor.met_before = own_end ? std::optional{cursor.met} : std::nullopt;
    cursor.StartWalk(cursor.walk + 1, walk.Now());
    run.done = 0;
    return;
  }
  if (!disturbed.empty()) {
    cursor.unsound = true;
    cursor.note = fmt::format(
        "walked {} times and never undisturbed ({}): what was met is applied, but there may be more; the watermark stays",
        cursor.walk, disturbed);
  } else if (!run.options.dry_run) {
    walk.MoveWatermark(cursor.cutoff);
  }
  if (cursor.nameless > 0 && cursor.note.empty())
    cursor.note = fmt::format("{} records without an id were passed over", cursor.nameless);
  run.total = run.done;
  cursor.phase = run.kind == BackfillKind::kFullSweep ? SweepCursor::Phase::kMissing : SweepCursor::Phase::kConfirm;
  cursor.confirm_until = clock_.Now() + options_.confirm_patience;
}

/// Marks missing memories: those that the sound walk did not meet, or without one, those that no walk met. The workers read each
/// of them, so a wrong list withdraws nothing.
Result<Job::Step> Sweep::LookForMissing(Run& run, SweepCursor cursor) {
  const int not_met_by = cursor.unsound ? 0 : cursor.walk;
  const Instant began = cursor.unsound ? cursor.first_began : cursor.began;
  Step step;
  postgres::Transaction transaction = state_.Get().Begin();
  Walk walk{transaction, run};
  if (!cursor.missing) {
    const Walk::Missing found = walk.CountMissing(not_met_by, began);
    const double allowed =
        std::max(static_cast<double>(options_.vanishing_at_least), options_.vanishing_share * static_cast<double>(found.live));
    run.counters["missing"] = found.missing;
    if (!run.options.dry_run && !run.options.allow_vanishing && static_cast<double>(found.missing) > allowed) {
      Commit(transaction, run, cursor);
      transaction.Commit();
      return Fail(ErrorCode::kRefused,
                  fmt::format("{} of {} memories are missing at Mem0, more than may vanish at once{}{}", found.missing,
                              found.live, cursor.unsound ? "; " : "", cursor.unsound ? cursor.note : ""),
                  "make sure the API key is the right project's; if they are really gone, sweep again with --allow-vanishing");
    }
    cursor.missing = found.missing;
  }
  const bool look = !run.options.dry_run && *cursor.missing > 0;
  if (!look || walk.DoubtMissing(not_met_by, began, kDoubtsAtOnce) == 0) {
    cursor.phase = SweepCursor::Phase::kConfirm;
    cursor.confirm_until = clock_.Now() + options_.confirm_patience;
  }
  step.wanted = Commit(transaction, run, cursor);
  transaction.Commit();
  return step;
}

/// Waits for the workers' reads, and counts what they found.
Result<Job::Step> Sweep::Confirm(Run& run, SweepCursor cursor) {
  Step step;
  // Not earlier, because a memory that is applied again counts as read and would not have been found missing.
  if (run.kind == BackfillKind::kFullSweep && !run.options.dry_run && cursor.waiting_marked < 0)
    cursor.waiting_marked = static_cast<std::int64_t>(MarkWaiting(state_.Get(), run.project));
  postgres::Transaction transaction = state_.Get().Begin();
  const Walk::Resolved resolved = Walk{transaction, run}.Resolve();
  run.Count("repaired_added", resolved.added);
  run.Count("repaired_updated", resolved.updated);
  run.Count("repaired_deleted", resolved.deleted);
  run.Count("changed", resolved.added + resolved.updated + resolved.deleted);
  step.over = resolved.left == 0;
  if (!step.over && clock_.Now() >= cursor.confirm_until) {
    step.over = true;
    run.error = fmt::format("{} memories were not read again in time: they stay in the queue and are not counted", resolved.left);
  }
  if (step.over) {
    if (!cursor.note.empty()) run.error += (run.error.empty() ? "" : "; ") + cursor.note;
    cursor.phase = SweepCursor::Phase::kOver;
  } else {
    step.wait = kConfirmPause;
  }
  step.wanted = Commit(transaction, run, cursor);
  transaction.Commit();
  if (step.over && cursor.unsound) return Fail(ErrorCode::kRefused, cursor.note);
  return step;
}

}  // namespace membridge::sync
