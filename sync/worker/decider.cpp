#include "sync/worker/decider.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mappings/base/log.hpp"
#include "sync/inbox/announcement.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/vanishing.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

/// How long a list may still show a memory that a single read reports gone before this is logged: lists lag, which is normal.
constexpr std::chrono::seconds kLagExcused{10};

milliseconds Since(Instant from, Instant to) {
  return std::chrono::floor<milliseconds>(to - from);
}

milliseconds AgeOf(const Claim& claim) {
  return Since(claim.marked_at, claim.claimed_at);
}

Source SourceOf(const Claim& claim) {
  Source source;
  source.project = claim.project;
  source.id = claim.memory.Text();
  source.fence = claim.fence;
  return source;
}

/// Takes the merge state from the mirror's record when nothing else has changed, because a list does not return it and a single
/// read did.
void RecallLifeCycle(const Mirrored& mirrored, const std::string& digest, mappings::Memory& memory) {
  if (!mirrored.record || mirrored.digest != digest) return;
  if (!mirrored.record->contains("lifecycle_state") || memory.record.contains("lifecycle_state")) return;
  if (auto told = mappings::ReadMemory(*mirrored.record)) memory = std::move(*told);
}

/// Whether the first read is final: exactly one delivery made the mark, it announced something new, and the record shows it. A
/// record older than the mirror's, or of a memory that was gone, is still read twice, because a replica may lag.
bool ShowsWhatWasAnnounced(const Claim& claim, const mappings::Memory& memory, const std::optional<Mirrored>& mirrored) {
  if (!Shows(memory.record, claim.told)) return false;
  if (!mirrored) return true;
  if (mirrored->gone || !mirrored->record || (mirrored->updated_at && *mirrored->updated_at > memory.updated_at)) return false;
  return !Shows(*mirrored->record, claim.told);
}

}  // namespace

void Decider::LookUp(const ProjectId& project, const std::vector<WorkItem*>& items) {
  std::vector<Claim> claims;
  for (const WorkItem* item : items) claims.push_back(item->claim);
  auto mirrored = Mirror{batch_.State()}.LookUp(claims);
  for (std::size_t i = 0; i < items.size(); ++i) {
    WorkItem& item = *items[i];
    item.mirrored = std::move(mirrored[i]);
    item.standing = WorkItem::Standing::kOpen;
    item.is_final = AgeOf(item.claim) >= options_.read_lag || item.is_exact || item.claim.reason == kReproject || item.listed ||
                    (item.memory && ShowsWhatWasAnnounced(item.claim, *item.memory, item.mirrored));
  }
  HoldBack(project, items);
}

/// Whether the memory was absent in a final read and in an earlier one.
bool Decider::IsGoneForGood(const WorkItem& item) const {
  const auto& since = item.claim.absent_since;
  if (item.is_exact) return item.read == WorkItem::Read::kAbsent;
  return item.read == WorkItem::Read::kAbsent && item.is_final && since &&
         Since(*since, item.claim.claimed_at) >= options_.read_lag;
}

void Decider::HoldBack(const ProjectId& project, const std::vector<WorkItem*>& items) {
  std::vector<WorkItem*> gone;
  std::vector<Claim> claims;
  for (WorkItem* item : items) {
    item->held = false;
    if (!IsGoneForGood(*item) || !item->mirrored || item->mirrored->gone) continue;
    gone.push_back(item);
    claims.push_back(item->claim);
  }
  if (gone.empty()) return;
  const std::set<std::size_t> places = Vanishing{batch_.State()}.HoldBack(project, claims, options_.vanishing);
  for (const std::size_t place : places) gone[place]->held = true;
  batch_.Counts().held += places.size();
  if (!places.empty()) Log(LogLevel::kError, "withdrawals_held", {{"project", project.Text()}, {"memories", places.size()}});
}

std::optional<Source> Decider::Decide(WorkItem& item, const std::string& digest) {
  const Settlement look_again{
      Settlement::Kind::kLookAgain, std::max(milliseconds{1}, options_.read_lag - AgeOf(item.claim)), false, {}};
  item.settlement = item.is_final ? Settlement{} : look_again;
  switch (item.read) {
    case WorkItem::Read::kNotAsked:
      // It was never read, so this does not count as an attempt.
      item.settlement = {Settlement::Kind::kLookAgain, options_.retry_base, item.claim.absent_since.has_value(), {}};
      ++batch_.Counts().retried;
      return std::nullopt;
    case WorkItem::Read::kContradicted:
      if (const auto lasted = Vanishing{batch_.State()}.Contradicted(item.claim); lasted >= options_.contradiction_patience) {
        batch_.ParkUnread(item, {ErrorCode::kRefused, item.error.message, item.error.hint});
        return std::nullopt;
      } else if (lasted >= kLagExcused) {
        Log(LogLevel::kWarn, "absence_contradicted",
            {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"error", item.error.message}});
      }
      Retry(item);
      return std::nullopt;
    case WorkItem::Read::kFailed:
      Retry(item);
      return std::nullopt;
    case WorkItem::Read::kUnreadable:
      // Mem0 has the memory, but its record cannot be read. Nothing is changed until it can.
      batch_.ParkUnread(item, item.error);
      return std::nullopt;
    case WorkItem::Read::kNotAnId:
      // Mem0 says that the id is not valid. Such a memory never existed, so there is nothing to do or to remember.
      item.settlement = Settlement{};
      item.standing = WorkItem::Standing::kNever;
      ++batch_.Counts().unchanged;
      return std::nullopt;
    case WorkItem::Read::kAbsent:
      return DecideAbsent(item, digest);
    case WorkItem::Read::kFound:
      break;
  }
  return DecideFound(item, digest);
}

/// The read failed. It is repeated later.
void Decider::Retry(WorkItem& item) {
  const milliseconds wait = std::max(options_.RetryIn(item.claim.attempts), item.retry_after.value_or(milliseconds{0}));
  item.settlement = {Settlement::Kind::kRetry, wait, false, item.error.message};
  ++batch_.Counts().retried;
}

std::optional<Source> Decider::DecideAbsent(WorkItem& item, const std::string& digest) {
  const std::string applied = "gone:" + digest;
  const auto withdraw = [&] {
    Source source = SourceOf(item.claim);
    source.stamp = item.mirrored && item.mirrored->updated_at ? *item.mirrored->updated_at : batch_.Now();
    source.speaks = false;
    source.gone = true;
    // Of a table nobody can forge an id, and what a sweep read before the deletion must find the tombstone.
    const bool known = item.mirrored || item.is_exact;
    item.standing = known ? WorkItem::Standing::kGone : WorkItem::Standing::kNever;
    item.reading = Reading{std::nullopt, "", applied, false};
    return source;
  };
  if (item.mirrored && item.mirrored->gone) {
    // A refused withdrawal is repeated until it succeeds.
    if (item.is_final && item.mirrored->applied != applied) return withdraw();
    ++batch_.Counts().unchanged;
    if (item.is_final)
      item.standing = WorkItem::Standing::kGone;
    else
      item.settlement.absent = true;
    return std::nullopt;
  }
  if (!IsGoneForGood(item)) {
    item.settlement = {
        Settlement::Kind::kLookAgain, std::max(options_.read_lag, options_.read_lag - AgeOf(item.claim)), true, {}};
    return std::nullopt;
  }
  if (item.held) {
    batch_.ParkUnread(item,
                      {ErrorCode::kRefused,
                       fmt::format("{} memories vanished at Mem0 at once, and no DELETE delivery said so", batch_.Counts().held),
                       "make sure the API key is the right project's; if they are really gone, run membridge parked retry"});
    return std::nullopt;
  }
  ++batch_.Counts().withdrawn;
  return withdraw();
}

/// Decides the fate of a record from a list. Returns false when the memory must be read instead: two different records of the
/// same moment do not show which is newer, and a list does not show whether a deleted memory is back.
bool Decider::DecideListed(WorkItem& item) {
  const auto& mirrored = item.mirrored;
  if (!mirrored) {
    item.fate = RecordFate::kAdded;
    return true;
  }
  const bool same = !mirrored->gone && mirrored->digest == item.digest;
  const bool newer = !mirrored->gone && (!mirrored->updated_at || *mirrored->updated_at < item.memory->updated_at);
  item.fate = same ? RecordFate::kSame : newer && !item.is_exact ? RecordFate::kUpdated : RecordFate::kLeft;
  if (item.fate != RecordFate::kLeft) return true;
  item.settlement = {Settlement::Kind::kLookAgain, milliseconds{0}, false, {}};
  return false;
}

std::optional<Source> Decider::DecideFound(WorkItem& item, const std::string& digest) {
  const auto& mirrored = item.mirrored;
  const bool was_gone = mirrored && mirrored->gone;
  if (mirrored) RecallLifeCycle(*mirrored, item.digest, *item.memory);
  const mappings::Memory& memory = *item.memory;
  if (item.listed && !DecideListed(item)) return std::nullopt;
  // The replica may lag behind an earlier read or a deletion, so an older record counts only when the read is final.
  const bool older = mirrored && mirrored->updated_at && *mirrored->updated_at > memory.updated_at;
  if (!item.is_final && (older || was_gone)) return std::nullopt;
  item.standing = WorkItem::Standing::kPresent;
  const Day today = std::chrono::floor<std::chrono::days>(batch_.Now());
  const bool live = memory.IsLive(today);
  const std::string applied = item.digest + (live ? ":live:" : ":dead:") + digest;
  item.reading = Reading{memory, item.digest, applied, memory.expires_on && *memory.expires_on < today};
  if (mirrored && !was_gone && mirrored->applied == applied && item.claim.reason != "manual") {
    if (item.is_final && !item.listed && item.claim.reason != kReproject) item.reading->asked_at = item.claim.claimed_at;
    ++batch_.Counts().unchanged;
    return std::nullopt;
  }
  Source source = SourceOf(item.claim);
  source.stamp = memory.updated_at;
  source.speaks = live;
  source.names["memory"] = memory.record;
  return source;
}

}  // namespace membridge::sync
