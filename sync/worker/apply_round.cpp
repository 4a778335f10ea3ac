// The part of Worker that turns what was read into rows, mirror and queue, in one transaction.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "mappings/base/log.hpp"
#include "sync/inbox/announcement.hpp"
#include "sync/queue/suppression.hpp"
#include "sync/worker/canary.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

milliseconds Since(Instant from, Instant to) {
  return std::chrono::floor<milliseconds>(to - from);
}

/// How long a list may still show what a single read says is gone before it is told: lists lag, and that is nobody's trouble.
constexpr std::chrono::seconds kLagExcused{10};

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

/// A list does not say whether a memory was merged away; a single read said so, and nothing has changed since.
void RecallLifeCycle(const Mirrored& mirrored, const std::string& digest, mappings::Memory& memory) {
  if (!mirrored.record || mirrored.digest != digest) return;
  if (!mirrored.record->contains("lifecycle_state") || memory.record.contains("lifecycle_state")) return;
  if (auto told = mappings::ReadMemory(*mirrored.record)) memory = std::move(*told);
}

/// Whether the first read is final: one delivery stands behind the mark, what it announced is news, and the record shows it. A
/// record that is older than the mirror's, or of a memory that was gone, is looked at twice all the same: a replica may lag.
bool ShowsWhatWasAnnounced(const Claim& claim, const mappings::Memory& memory, const std::optional<Mirrored>& mirrored) {
  if (!Shows(memory.record, claim.told)) return false;
  if (!mirrored) return true;
  if (mirrored->gone || !mirrored->record || (mirrored->updated_at && *mirrored->updated_at > memory.updated_at)) return false;
  return !Shows(*mirrored->record, claim.told);
}

}  // namespace

bool Worker::IsOfCanary(const Item& item) {
  if (item.memory) return IsCanary(item.memory->record);
  return item.mirrored && item.mirrored->record && IsCanary(*item.mirrored->record);
}

Worker::Batch Worker::Open(Applier::Refused refused) {
  Batch batch{Begin(State())};
  batch.refused = refused;
  batch.mappings = mappings_();
  batch.now = clock_.Now();
  return batch;
}

void Worker::Apply(const std::vector<Item*>& items, Applier::Refused refused) {
  Batch batch = Open(refused);
  std::vector<Claim> claims;
  for (const Item* item : items) claims.push_back(item->claim);
  std::set<std::int64_t> fences;
  for (const Claim& claim : Queue::StillOurs(batch.state, claims)) fences.insert(claim.fence);
  std::vector<Item*> ours;
  for (Item* item : items) {
    item->reading.reset();
    if (fences.contains(item->claim.fence)) {
      ours.push_back(item);
    } else {
      ++batch.late;
    }
  }
  Conclude(batch, ours, {});
}

/// Those of a batch that may be written. What is an erased user's is done with: it is neither applied nor mirrored.
std::vector<Worker::Item*> Worker::WithoutErased(Batch& batch, const std::vector<Item*>& items) {
  std::vector<Suppression::Memory> asked;
  for (const Item* item : items)
    asked.push_back({item->claim.project, item->claim.memory, item->memory ? item->memory->user_id : std::nullopt});
  const std::set<std::size_t> erased = Suppression::Among(batch.state, asked);
  std::vector<Item*> left;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!erased.contains(i)) {
      left.push_back(items[i]);
      continue;
    }
    items[i]->settlement = Settlement{};
    items[i]->fate = Fate::kSame;
    ++batch.unchanged;
    ++batch.suppressed;
  }
  return left;
}

/// Constraints and triggers that wait for the end of the transaction are asked before the queue is touched: what they refuse is
/// then a refusal like any other.
void Worker::AskDeferred(Batch& batch) {
  if (batch.refused == Applier::Refused::kParked) return;  // each mapping asked its own
  for (auto& [dsn, transaction] : batch.elsewhere) transaction.Run("SET CONSTRAINTS ALL IMMEDIATE");
  if (batch.in_state) batch.state.RunScript("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED");
}

/// Memories whose claim on a row could not be written when it was their turn again: they are applied anew, and parked for it.
void Worker::MarkPassedOver(Batch& batch) {
  std::map<ProjectId, std::vector<MemoryId>> by_project;
  for (const auto& [project, memory] : batch.passed_over) by_project[project].push_back(memory);
  for (const auto& [project, memories] : by_project) {
    Queue::ForgetApplied(batch.state, project, memories);
    Queue::Mark(batch.state, project, memories, kReproject);
    Log(LogLevel::kWarn, "claims_passed_over", {{"project", project.Text()}, {"memories", memories.size()}});
  }
}

/// Applies what the batch holds the locks of, and commits: rows, ledger, mirror, queue, and what `also` adds.
void Worker::Conclude(Batch& batch, const std::vector<Item*>& items, const std::function<void()>& also) {
  for (const Item* item : items) batch.fence = std::max(batch.fence, item->claim.fence);
  std::map<ProjectId, std::vector<Item*>> by_project;
  for (Item* item : WithoutErased(batch, items)) by_project[item->claim.project].push_back(item);
  for (const auto& [project, members] : by_project) ApplyProject(batch, project, members);
  AskDeferred(batch);
  std::vector<std::pair<Claim, Settlement>> settlements;
  std::vector<std::pair<Claim, Reading>> readings;
  for (const Item* item : items) {
    settlements.emplace_back(item->claim, item->settlement);
    if (item->reading) readings.emplace_back(item->claim, *item->reading);
  }
  if (!readings.empty()) Queue::Mirror(batch.state, readings);
  MarkPassedOver(batch);
  if (!settlements.empty()) Queue::Settle(batch.state, settlements);
  if (also) also();
  // Elsewhere first: what is committed there and not here is done again and finds nothing to do.
  for (auto& [dsn, transaction] : batch.elsewhere) transaction.Commit();
  batch.state.Commit();

  woke_ = woke_ || batch.wakes;
  written_.insert(batch.written.begin(), batch.written.end());
  counters_.applied += batch.applied;
  counters_.unchanged += batch.unchanged;
  counters_.withdrawn += batch.withdrawn;
  counters_.parked += batch.parked;
  counters_.suppressed += batch.suppressed;
  counters_.held += batch.held;
  counters_.late += batch.late;
  counters_.retried += batch.retried;
  counters_.events_counted += batch.events_counted;
  counters_.events_discarded += batch.events_discarded;
  counters_.events_parked += batch.events_parked;
  if (batch.newest_mark)
    counters_.lag_microseconds =
        static_cast<std::uint64_t>(std::max<std::int64_t>(0, (clock_.Now() - *batch.newest_mark).count()));
}

void Worker::ApplyProject(Batch& batch, const ProjectId& project, const std::vector<Item*>& items) {
  const MappingSet::Project& mapped = batch.mappings->Of(project);
  std::vector<Claim> claims;
  for (const Item* item : items) claims.push_back(item->claim);
  auto mirrored = Queue::LookUp(batch.state, claims);
  std::vector<Item*> applying;
  std::vector<Source> sources;
  std::vector<Claim> readable;  // unchanged, and perhaps parked because they could not be read before
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    item.mirrored = std::move(mirrored[i]);
    item.standing = Item::Standing::kOpen;
    item.is_final = AgeOf(item.claim) >= options_.read_lag || item.claim.reason == kReproject || item.listed ||
                    (item.memory && ShowsWhatWasAnnounced(item.claim, *item.memory, item.mirrored));
  }
  HoldBack(batch, project, items);
  for (Item* each : items) {
    Item& item = *each;
    auto source = Decide(batch, mapped, item);
    if (IsOfCanary(item)) {
      // Mirrored, and seen by no mapping: an event of one is of a memory that there never was.
      if (item.standing != Item::Standing::kOpen) item.standing = Item::Standing::kNever;
      continue;
    }
    if (!source) {
      if (item.standing == Item::Standing::kPresent) readable.push_back(item.claim);
      continue;
    }
    applying.push_back(&item);
    sources.push_back(std::move(*source));
  }
  if (!readable.empty()) Queue::Unpark(batch.state, readable, {""});
  if (!sources.empty()) ApplyMemories(batch, mapped, applying, sources);
  if (mapped.CountsEvents()) ApplyEvents(batch, mapped, items);
}

/// What a memory gives its mappings; nothing when nothing of it has to be applied now. Decides what becomes of the claim, too.
std::optional<Source> Worker::Decide(Batch& batch, const MappingSet::Project& mapped, Item& item) const {
  const Settlement look_again{
      Settlement::Kind::kLookAgain, std::max(milliseconds{1}, options_.read_lag - AgeOf(item.claim)), false, {}};
  item.settlement = item.is_final ? Settlement{} : look_again;
  switch (item.read) {
    case Item::Read::kNotAsked:
      // It was never asked for: that is no attempt of its own.
      item.settlement = {Settlement::Kind::kLookAgain, options_.retry_base, item.claim.absent_since.has_value(), {}};
      ++batch.retried;
      return std::nullopt;
    case Item::Read::kContradicted:
      if (const auto lasted = Vanishing::Contradicted(batch.state, item.claim); lasted >= options_.contradiction_patience) {
        ParkUnread(batch, item, {"", ErrorCode::kRefused, item.error.message, item.error.hint, "", ""});
        return std::nullopt;
      } else if (lasted >= kLagExcused) {
        Log(LogLevel::kWarn, "absence_contradicted",
            {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"error", item.error.message}});
      }
      [[fallthrough]];
    case Item::Read::kFailed:
      item.settlement = {Settlement::Kind::kRetry,
                         std::max(BackOff(item.claim.attempts), item.retry_after.value_or(milliseconds{0})), false,
                         item.error.message};
      ++batch.retried;
      return std::nullopt;
    case Item::Read::kUnreadable:
      // Mem0 has it, and what it answers cannot be read: nothing is changed until it can.
      Queue::Park(batch.state, item.claim, {"", item.error.code, item.error.message, item.error.hint, "", ""});
      Log(LogLevel::kError, "memory_parked",
          {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"code", NameOf(item.error.code)}});
      item.settlement = Settlement{};
      ++batch.parked;
      return std::nullopt;
    case Item::Read::kNotAnId:
      // Mem0 says it is no id at all: there never was such a memory, so there is nothing to do and nothing to remember.
      item.settlement = Settlement{};
      item.standing = Item::Standing::kNever;
      ++batch.unchanged;
      return std::nullopt;
    case Item::Read::kAbsent:
      return DecideAbsent(batch, mapped, item);
    case Item::Read::kFound:
      break;
  }
  return DecideFound(batch, mapped, item);
}

/// Absent in a read that is final, and in an earlier one.
bool Worker::IsGoneForGood(const Item& item) const {
  const auto& since = item.claim.absent_since;
  return item.read == Item::Read::kAbsent && item.is_final && since && Since(*since, item.claim.claimed_at) >= options_.read_lag;
}

/// Finds out which of the memories that are gone must not be withdrawn.
void Worker::HoldBack(Batch& batch, const ProjectId& project, const std::vector<Item*>& items) const {
  std::vector<Item*> gone;
  std::vector<Claim> claims;
  for (Item* item : items) {
    item->held = false;
    if (!IsGoneForGood(*item) || !item->mirrored || item->mirrored->gone) continue;
    gone.push_back(item);
    claims.push_back(item->claim);
  }
  if (gone.empty()) return;
  const std::set<std::size_t> places = Vanishing::HoldBack(batch.state, project, claims, options_.vanishing);
  for (const std::size_t place : places) gone[place]->held = true;
  batch.held += places.size();
  if (!places.empty()) Log(LogLevel::kError, "withdrawals_held", {{"project", project.Text()}, {"memories", places.size()}});
}

/// Parks a memory for what Mem0 answers about it; nothing of what it said is changed.
void Worker::ParkUnread(Batch& batch, Item& item, const Parking& parking) const {
  Queue::Park(batch.state, item.claim, parking);
  Log(LogLevel::kError, "memory_parked",
      {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"code", NameOf(parking.code)}});
  item.settlement = Settlement{};
  ++batch.parked;
}

std::optional<Source> Worker::DecideAbsent(Batch& batch, const MappingSet::Project& mapped, Item& item) const {
  const std::string applied = "gone:" + mapped.digest;
  const auto withdraw = [&] {
    Source source = SourceOf(item.claim);
    source.stamp = item.mirrored && item.mirrored->updated_at ? *item.mirrored->updated_at : batch.now;
    source.speaks = false;
    source.gone = true;
    item.standing = item.mirrored ? Item::Standing::kGone : Item::Standing::kNever;
    item.reading = Reading{std::nullopt, "", applied, false};
    return source;
  };
  if (item.mirrored && item.mirrored->gone) {
    // A withdrawal that was refused is done again until it is done.
    if (item.is_final && item.mirrored->applied != applied) return withdraw();
    ++batch.unchanged;
    if (item.is_final)
      item.standing = Item::Standing::kGone;
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
    ParkUnread(
        batch, item,
        {"", ErrorCode::kRefused, fmt::format("{} memories vanished at Mem0 at once, and no DELETE delivery said so", batch.held),
         "make sure the API key is the right project's; if they are really gone, run membridge parked retry", "", ""});
    return std::nullopt;
  }
  ++batch.withdrawn;
  return withdraw();
}

std::optional<Source> Worker::DecideFound(Batch& batch, const MappingSet::Project& mapped, Item& item) const {
  const auto& mirrored = item.mirrored;
  const bool was_gone = mirrored && mirrored->gone;
  if (mirrored) RecallLifeCycle(*mirrored, item.digest, *item.memory);
  const mappings::Memory& memory = *item.memory;
  if (item.listed && mirrored) {
    // Which of two different records of one moment is the newer cannot be told by looking, nor whether what was deleted is back.
    const bool same = !was_gone && mirrored->digest == item.digest;
    const bool newer = !was_gone && (!mirrored->updated_at || *mirrored->updated_at < memory.updated_at);
    item.fate = same ? Fate::kSame : newer ? Fate::kUpdated : Fate::kLeft;
    if (item.fate == Fate::kLeft) {
      item.settlement = {Settlement::Kind::kLookAgain, milliseconds{0}, false, {}};
      return std::nullopt;
    }
  } else if (item.listed) {
    item.fate = Fate::kAdded;
  }
  // A replica that lags behind what was seen before, or behind a deletion: believed only when it is final.
  const bool older = mirrored && mirrored->updated_at && *mirrored->updated_at > memory.updated_at;
  if (!item.is_final && (older || was_gone)) return std::nullopt;
  item.standing = Item::Standing::kPresent;
  const Day today = std::chrono::floor<std::chrono::days>(batch.now);
  const bool live = memory.IsLive(today);
  const std::string applied = item.digest + (live ? ":live:" : ":dead:") + mapped.digest;
  item.reading = Reading{memory, item.digest, applied, memory.expires_on && *memory.expires_on < today};
  if (mirrored && !was_gone && mirrored->applied == applied && item.claim.reason != "manual") {
    ++batch.unchanged;
    return std::nullopt;
  }
  Source source = SourceOf(item.claim);
  source.stamp = memory.updated_at;
  source.speaks = live;
  source.names["memory"] = memory.record;
  return source;
}

postgres::Transaction& Worker::TransactionOf(Batch& batch, const MappingSet::Target& target) {
  batch.in_state = batch.in_state || !target.dsn;
  postgres::Transaction* transaction = &batch.state;
  if (target.dsn) {
    auto open = batch.elsewhere.find(*target.dsn);
    if (open == batch.elsewhere.end()) open = batch.elsewhere.emplace(*target.dsn, Begin(TargetSession(*target.dsn))).first;
    transaction = &open->second;
  }
  if (batch.entered.insert(target.name).second) Enter(batch, target, *transaction);
  return *transaction;
}

void Worker::ApplyMemories(Batch& batch, const MappingSet::Project& mapped, const std::vector<Item*>& items,
                           const std::vector<Source>& sources) {
  std::vector<bool> wrote(sources.size(), false);
  std::vector<bool> parked(sources.size(), false);
  std::vector<bool> waits(sources.size(), false);
  bool left_out = false;
  for (const MappingSet::Target& target : mapped.targets) {
    if (target.appliers.empty()) continue;
    if (IsRefused(target.name)) {
      NoteLeftOut(batch.state, target.name);
      left_out = true;
      continue;
    }
    postgres::Transaction& transaction = TransactionOf(batch, target);
    for (const auto& applier : target.appliers) {
      const std::string& mapping = applier->Definition().name;
      const std::vector<Outcome> outcomes = applier->Apply(transaction, sources, batch.now, false, batch.refused);
      std::vector<Claim> applied;
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const Outcome& outcome = outcomes[i];
        wrote[i] = wrote[i] || outcome.wrote;
        waits[i] = waits[i] || outcome.waits;
        Note(batch, outcome);
        if (outcome.kind != Outcome::Kind::kParked) {
          applied.push_back(items[i]->claim);
          continue;
        }
        parked[i] = true;
        Park(batch, *items[i], mapping, outcome);
      }
      if (!applied.empty()) Queue::Unpark(batch.state, applied, {mapping, ""});
    }
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    // A parked memory is evaluated again whenever it is read again, and so is one that waits for a row, or was left out
    // somewhere.
    if (parked[i] || waits[i] || left_out) items[i]->reading->applied.clear();
    items[i]->reading->waits = waits[i];
    if (parked[i]) items[i]->fate = Fate::kParked;
    if (parked[i]) ++batch.parked;
    ++(wrote[i] ? batch.applied : batch.unchanged);
    if (wrote[i] && !items[i]->listed)
      batch.newest_mark = std::max(batch.newest_mark.value_or(Instant::min()), items[i]->claim.marked_at);
  }
}

/// What an outcome means for other memories.
void Worker::Note(Batch& batch, const Outcome& outcome) {
  batch.wakes = batch.wakes || outcome.wakes;
  batch.written.insert(outcome.written.begin(), outcome.written.end());
  for (const auto& [project, source] : outcome.passed_over) batch.passed_over.emplace_back(project, source);
}

void Worker::Park(Batch& batch, const Item& item, const std::string& mapping, const Outcome& outcome) {
  const Claim& claim = item.claim;
  Parking parking{mapping, outcome.code, outcome.cause, outcome.hint, outcome.place, outcome.sqlstate, outcome.depends_on};
  parking.counts = item.is_final;
  Queue::Park(batch.state, claim, parking);
  Log(LogLevel::kError, "memory_parked",
      {{"project", claim.project.Text()},
       {"memory", claim.memory.Text()},
       {"mapping", mapping},
       {"place", outcome.place},
       {"sqlstate", outcome.sqlstate},
       {"code", NameOf(outcome.code)}});
}

}  // namespace membridge::sync
