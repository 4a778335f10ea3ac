#include "sync/source/feeder.hpp"

#include <fmt/format.h>

#include <utility>

#include "mappings/base/log.hpp"
#include "sync/queue/queue.hpp"
#include "sync/queue/wake_up.hpp"
#include "sync/source/table_records.hpp"

namespace membridge::sync::source {
namespace {

using namespace std::chrono_literals;
using Mode = SourceStanding::Mode;
using postgres::SqlFailure;
using postgres::Transaction;

constexpr std::size_t kSlice = 1000;
constexpr std::size_t kTrimAtOnce = 50'000;
constexpr std::chrono::milliseconds kStoreIdleEvery = 5s;
constexpr std::chrono::milliseconds kTrimIdleEvery = 60s;

template <class Time>
bool IsDue(const Time& last, std::chrono::milliseconds every) {
  return !last || std::chrono::steady_clock::now() >= *last + every;
}

}  // namespace

std::string_view NameOf(SourceStanding::Mode mode) {
  switch (mode) {
    case Mode::kUnknown:
      return "unknown";
    case Mode::kAway:
      return "away";
    case Mode::kPolling:
      return "polling";
    case Mode::kLive:
      return "live";
  }
  return "unknown";
}

Feeder::Feeder(FeederOptions options)
    : options_(std::move(options)),
      source_(options_.dsn, "membridge source log"),
      state_(options_.state_dsn, "membridge source log") {}

void Feeder::Fail(const Error& error) {
  if (standing_.mode != Mode::kAway)
    Log(LogLevel::kWarn, "source_away", {{"project", options_.project.Text()}, {"error", error.message}, {"hint", error.hint}});
  standing_.mode = Mode::kAway;
  standing_.error = error;
}

std::size_t Feeder::Step() {
  try {
    if (standing_.mode != Mode::kLive || IsDue(looked_, options_.look_every)) Look();
    if (standing_.mode != Mode::kLive) return 0;
    LogReader reader{source_.Get(), *relid_};
    const std::size_t taken = Take(reader);
    TrimWhenDue(reader);
    return taken;
  } catch (const SqlFailure& failure) {
    looked_.reset();
    Fail(SourceError(failure, options_.table));
    return 0;
  }
}

void Feeder::Look() {
  looked_ = Steady::now();
  const SourceLook look = LookAtSource(source_.Get(), options_.table);
  if (const auto error = Unreadable(look, options_.table)) {
    Fail(*error);
    return TellState();
  }
  Transaction state = state_.Get().Begin();
  if (reader_name_.empty())
    reader_name_ =
        fmt::format("{}/{}", state.Run("SELECT id::text FROM membridge.state_identity").Text(0, 0), options_.project.Text());
  SourceState known{state};
  remembered_ = known.Meet(options_.project, *look.relid);
  // Whoever installed the log on the new table wants it to be read.
  if (remembered_.relid != *look.relid && look.IsLive()) {
    known.Accept(options_.project, *look.relid);
    remembered_ = *known.Find(options_.project);
    Log(LogLevel::kInfo, "source_accepted", {{"project", options_.project.Text()}});
  }
  known.ForgetOldDeletions();
  state.Commit();
  relid_ = look.relid;
  Judge(look);
  standing_.wanted = std::exchange(remembered_.wanted, std::nullopt);
  TellState();
  if (standing_.mode != Mode::kLive) return;
  LogReader reader{source_.Get(), *relid_};
  Watch(reader);
}

void Feeder::Judge(const SourceLook& look) {
  const Mode before = standing_.mode;
  standing_.mode = look.IsLive() ? Mode::kLive : Mode::kPolling;
  standing_.replaced = remembered_.relid != *look.relid;
  standing_.broken = standing_.mode == Mode::kPolling && remembered_.incarnation.has_value();
  standing_.log_entries = look.entries;
  standing_.error = {};
  if (standing_.replaced)
    standing_.error = {
        ErrorCode::kUnavailable,
        fmt::format("the table {} was dropped and made again, and its changes are not noted", options_.table.Written()),
        "run membridge source install to take the new table for the old one"};
  else if (standing_.broken)
    standing_.error = {ErrorCode::kUnavailable,
                       fmt::format("the change log of {} is gone or was switched off: changes are found by polling only",
                                   options_.table.Written()),
                       look.obstacle.empty() ? "run membridge source install" : look.obstacle};
  if (standing_.mode == before) return;
  if (standing_.mode == Mode::kLive)
    Log(LogLevel::kInfo, "source_live", {{"project", options_.project.Text()}});
  else
    Log(LogLevel::kInfo, "source_polling", {{"project", options_.project.Text()}});
}

/// Takes the log from this moment on. What came before is found by a full sweep.
void Feeder::Begin(const LogHead& head, LogReader& reader, const std::string& reason) {
  remembered_.incarnation = head.incarnation;
  remembered_.snapshot = reader.Snapshot();
  remembered_.lost = head.lost;
  remembered_.lost_before.reset();
  remembered_.wanted = reason;
  standing_.wanted = reason;
  Log(LogLevel::kInfo, "source_log_begun", {{"project", options_.project.Text()}, {"reason", reason}});
  Store();
}

void Feeder::Watch(LogReader& reader) {
  const LogHead head = reader.Head();
  if (remembered_.incarnation != head.incarnation || !remembered_.snapshot)
    return Begin(head, reader, "the change log of the source was installed");
  const SnapshotBounds taken = BoundsOf(*remembered_.snapshot);
  if (taken.first < BoundsOf(head.trimmed_below).first)
    return Begin(head, reader, "changes were removed from the source's log before this state took them");
  if (taken.next > BoundsOf(reader.Snapshot()).next)
    return Begin(head, reader, "the source database is older than what was taken");
  if (head.lost == remembered_.lost) return;
  // Whoever lost a change has not committed yet, perhaps.
  remembered_.lost = head.lost;
  remembered_.lost_before = std::to_string(BoundsOf(reader.Snapshot()).next);
  Log(LogLevel::kWarn, "source_changes_lost",
      {{"project", options_.project.Text()},
       {"error", "a trigger could not note a change of the source"},
       {"hint", "nothing to do: everything is compared by a full sweep; look whether somebody locks membridge_source.log"}});
  Store();
}

std::size_t Feeder::Take(LogReader& reader) {
  const std::string taken = *remembered_.snapshot;
  LogPage page = reader.First(taken, options_.page);
  std::size_t entries = page.entries.size();
  while (page.more) {
    MarkPage(page, false);
    page = reader.Next(taken, page, options_.page);
    entries += page.entries.size();
  }
  remembered_.snapshot = page.now;
  if (remembered_.lost_before && BoundsOf(page.now).first >= BoundsOf(*remembered_.lost_before).first) {
    remembered_.lost_before.reset();
    remembered_.wanted = standing_.wanted = "the source's triggers could not note every change";
    stored_.reset();
  }
  if (entries > 0 || IsDue(stored_, kStoreIdleEvery)) MarkPage(page, true);
  standing_.taken += entries;
  took_since_trim_ = took_since_trim_ || entries > 0;
  return entries;
}

/// Makes marks of a page's entries. With the last page, what was taken is stored in the same commit as its last marks.
void Feeder::MarkPage(const LogPage& page, bool last) {
  std::vector<MemoryId> changed, deleted;
  bool all_deleted = false;
  // Thousands changed at once do not go before what changes meanwhile.
  const std::string_view reason = page.more || page.entries.size() > kSlice ? "sweep" : "delivery";
  postgres::Session& session = state_.Get();
  const auto flush = [&](bool store) {
    Transaction state = session.Begin();
    SourceState{state}.NoteDeleted(options_.project, deleted);
    Queue{state}.Mark(options_.project, changed, reason);
    // Workers of other processes do not hear of marks otherwise, before their next look.
    if (store && !page.entries.empty()) state.Run("SELECT pg_notify($1, '')", {kDueChannel});
    if (store) SourceState{state}.Store(options_.project, remembered_);
    state.Commit();
    changed.clear();
    deleted.clear();
  };
  for (const LogEntry& entry : page.entries) {
    if (entry.kind == LogEntry::Kind::kAllDeleted) {
      all_deleted = true;
      continue;
    }
    changed.emplace_back(entry.id);
    if (entry.kind == LogEntry::Kind::kDeleted) deleted.emplace_back(entry.id);
    if (changed.size() >= kSlice) flush(false);
  }
  if (all_deleted) {
    for (int bucket = 0; bucket < kBuckets; ++bucket) {
      Transaction state = session.Begin();
      SourceState{state}.NoteAllDeleted(options_.project, bucket);
      state.Commit();
    }
    // A sweep under way may hold a page from before.
    remembered_.wanted = standing_.wanted = "the source's table was truncated";
  }
  if (!last && changed.empty()) return;
  flush(last);
  if (!last) return;
  remembered_.wanted.reset();
  stored_ = Steady::now();
  stored_snapshot_ = remembered_.snapshot.value_or("");
}

void Feeder::Store() {
  Transaction state = state_.Get().Begin();
  SourceState{state}.Store(options_.project, remembered_);
  state.Commit();
  remembered_.wanted.reset();  // whoever queues the sweep clears it in the state
  stored_ = Steady::now();
  stored_snapshot_ = remembered_.snapshot.value_or("");
}

/// Notes in the state how changes are found, for other processes and commands.
void Feeder::TellState() {
  const std::string said =
      fmt::format("{}/{}/{}", static_cast<int>(standing_.mode), standing_.error.message, standing_.log_entries);
  if (said == said_ && !IsDue(told_, kStoreIdleEvery)) return;
  Transaction state = state_.Get().Begin();
  SourceState{state}.Tell(options_.project, NameOf(standing_.mode), standing_.error, standing_.log_entries);
  state.Commit();
  said_ = said;
  told_ = Steady::now();
}

void Feeder::TrimWhenDue(LogReader& reader) {
  if (!IsDue(trimmed_, took_since_trim_ ? options_.trim_every : kTrimIdleEvery)) return;
  if (stored_snapshot_.empty()) return;
  if (reader.Trim(reader_name_, stored_snapshot_, kTrimAtOnce) < kTrimAtOnce) took_since_trim_ = false;
  trimmed_ = Steady::now();
}

}  // namespace membridge::sync::source
