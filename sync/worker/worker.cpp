#include "sync/worker/worker.hpp"

#include <algorithm>
#include <utility>

#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"
#include "sync/postgres/remedy.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestTurn{50};

/// Thousands of memories that one delivery names or a person asks for are read in rounds this small, so that a new delivery waits
/// for only one round.
constexpr int kAskedFor = 1;
constexpr std::size_t kAskedForAtOnce = 50;

std::vector<Claim> ClaimsOf(const std::vector<WorkItem>& items) {
  std::vector<Claim> claims;
  for (const WorkItem& item : items) claims.push_back(item.claim);
  return claims;
}

std::vector<WorkItem*> PointersTo(std::vector<WorkItem>& items) {
  std::vector<WorkItem*> all;
  for (WorkItem& item : items) all.push_back(&item);
  return all;
}

constexpr const char* kTriesAgain = "the bridge tries again by itself; look at the database if this goes on";

}  // namespace

Worker::Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock,
               WorkerCounters& counters, LookAtTables look_at_tables)
    : options_(options),
      mappings_(std::move(mappings)),
      counters_(counters),
      sessions_(state_dsn, "membridge worker"),
      targets_(sessions_, mappings_, clock),
      leases_(std::move(state_dsn), options.lease),
      reader_(options.reading, std::move(client_for), counters, sessions_),
      woken_(options.wake_every, sessions_, targets_, mappings_),
      parked_(options.wake_every, sessions_, mappings_),
      containment_(options_, sessions_, patience_, std::move(look_at_tables), counters),
      applier_({options_, sessions_, targets_, patience_, mappings_, clock, counters, woken_, parked_}),
      listed_(sessions_, containment_, applier_) {}

Worker::~Worker() = default;

/// Waits while every project's calls must wait for their turn, so that memories which arrive in between share the call. Waits
/// only briefly, because memories that are read from the mirror need no call. Returns false when a stop was requested.
bool Worker::AwaitTurn(const std::stop_token& stop) {
  return Pause(stop, std::min(reader_.NextTurn(), kLongestTurn));
}

std::vector<WorkItem> Worker::ClaimBatch() {
  const auto since = std::chrono::steady_clock::now();
  ClaimTurn::Held turn{*options_.turn};
  if (turn.NothingLeft(since)) return {};
  const auto looked_at = std::chrono::steady_clock::now();
  postgres::Transaction transaction = sessions_.State().Begin();
  std::vector<WorkItem> items;
  Queue queue{transaction};
  const std::vector<DueBucket> due = queue.DueBuckets();
  bool is_full = false;
  for (auto first = due.begin(); first != due.end() && !is_full;) {
    const int rank = first->rank;
    const auto last = std::find_if(first, due.end(), [&](const DueBucket& bucket) { return bucket.rank != rank; });
    const std::size_t room = rank == kAskedFor ? std::min(options_.batch, kAskedForAtOnce) : options_.batch;
    for (Claim& claim : queue.ClaimDue({first, last}, room - std::min(room, items.size()), options_.lease)) {
      items.emplace_back();
      items.back().claim = std::move(claim);
    }
    is_full = items.size() >= room;
    first = last;
  }
  transaction.Commit();
  if (!is_full) turn.Emptied(looked_at);
  return items;
}

Result<std::size_t> Worker::RunOnce(const std::stop_token& stop) {
  std::vector<WorkItem> items;
  try {
    targets_.Look();
    parked_.Retry();
    woken_.Mark();
    if (!AwaitTurn(stop)) return std::size_t{0};
    items = ClaimBatch();
    if (items.empty()) return std::size_t{0};
    counters_.claimed += items.size();
    const LeaseKeeper::Held held = leases_.Hold(ClaimsOf(items));
    reader_.Read(items, [this] { leases_.Advance(); });
    containment_.Begin();
    containment_.Contain(PointersTo(items), [this](const std::vector<WorkItem*>& some, Applier::Refused refused) {
      applier_.ApplyClaimed(some, refused);
    });
    woken_.Mark();
    return items.size();
  } catch (const postgres::SqlFailure& failure) {
    if (failure.fields().sqlstate == kLedgerChanged) {
      PutBackUnwritten(items);
      return items.size();
    }
    PutBack(items, failure.AsError("apply").message);
    return Fail(ErrorCode::kUnavailable, failure.AsError("worker").message, kTriesAgain);
  } catch (const std::exception& failure) {
    PutBack(items, "unexpected: " + postgres::SafeWordsOf(failure));
    return Fail(ErrorCode::kUnavailable, "worker: " + postgres::SafeWordsOf(failure), "the bridge tries again by itself");
  }
}

/// Puts claims back after a database failure that retries did not mend, so that they are due soon and not only when their lease
/// ends.
void Worker::PutBack(const std::vector<WorkItem>& items, const std::string& error) {
  if (items.empty()) return;
  try {
    postgres::Transaction transaction = sessions_.State().Begin();
    std::vector<std::pair<Claim, Settlement>> settlements;
    for (const Claim& claim : Queue{transaction}.StillOurs(ClaimsOf(items)))
      settlements.emplace_back(claim, Settlement{Settlement::Kind::kRetry, options_.RetryIn(claim.attempts), false, error});
    if (!settlements.empty()) Queue{transaction}.Settle(settlements);
    transaction.Commit();
    counters_.retried += items.size();
  } catch (const postgres::SqlFailure& failure) {
    Log(LogLevel::kWarn, "claims_left_to_their_lease", {{"memories", items.size()}, {"sqlstate", failure.fields().sqlstate}});
  }
}

/// Puts everything back because a ledger was taken over or restored since the round began. Nothing was written, and everything is
/// claimed anew.
void Worker::PutBackUnwritten(std::vector<WorkItem>& items) {
  targets_.Forget();
  containment_.PutOff(PointersTo(items));
}

Result<void> Worker::ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also,
                                  bool exact) {
  containment_.Begin();
  try {
    targets_.Look();
    listed_.Apply(project, records, also, exact);
    woken_.Mark();
    return {};
  } catch (const postgres::SqlFailure& failure) {
    if (failure.fields().sqlstate == kLedgerChanged) sessions_.Ties().Forget();
    return Fail(ErrorCode::kUnavailable, failure.AsError("apply").message, kTriesAgain);
  }
}

Result<void> Worker::MayWrite(const ProjectId& project) {
  targets_.Look();
  return targets_.MayWrite(project);
}

std::optional<milliseconds> Worker::NextDue() {
  try {
    postgres::Transaction transaction = sessions_.State().Begin();
    const auto next = Queue{transaction}.NextDue();
    transaction.Commit();
    return next;
  } catch (const postgres::SqlFailure&) {
    return std::nullopt;
  }
}

}  // namespace membridge::sync
