// The part of Worker that gives events to the mappings that count them.
#include <algorithm>
#include <set>

#include "mappings/base/log.hpp"
#include "sync/inbox/events.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {

using nlohmann::json;

/// A waiting event whose memory has been read.
struct Worker::Told {
  const Item* item;
  Event event;
  std::vector<std::string> refused_by{};  // mappings, in this round

  /// A present memory speaks as it is now; of one that has gone there is only its name.
  Source AsSource() const {
    const Claim& claim = item->claim;
    Source source;
    source.project = claim.project;
    source.id = event.id;
    source.memory = claim.memory.Text();
    source.stamp = event.received_at;
    source.fence = claim.fence;
    source.names["event"] = {
        {"id", event.id}, {"type", event.type}, {"time", FormatRfc3339(event.received_at)}, {"project", claim.project.Text()}};
    source.names["memory"] =
        item->standing == Item::Standing::kPresent ? item->memory->record : json{{"id", claim.memory.Text()}};
    return source;
  }

  /// Whether this mapping still has to take it: what was refused before is not given to those that took it.
  bool IsFor(const std::string& mapping) const {
    return event.parked.empty() || std::find(event.parked.begin(), event.parked.end(), mapping) != event.parked.end();
  }
};

Worker::Hearing Worker::Hear(const Item& item, const Event& event) const {
  if (item.standing == Item::Standing::kNever) return Hearing::kNoSuchMemory;
  // The record has to be read late enough after the event.
  if (!item.is_final && item.claim.claimed_at - event.queued_at < options_.read_lag) return Hearing::kTooEarly;
  const bool contradicted = item.standing == Item::Standing::kPresent && event.type == "DELETE";
  if (!contradicted) return Hearing::kCounts;
  return item.is_final ? Hearing::kStillThere : Hearing::kTooEarly;
}

void Worker::ApplyEvents(Batch& batch, const MappingSet::Project& mapped, const std::vector<Item*>& items) {
  std::vector<Item*> asked;
  std::vector<Claim> claims;
  for (Item* item : items) {
    // What a list brought was not dirty: nothing new was told of it.
    if (item->listed || item->standing == Item::Standing::kOpen) continue;
    asked.push_back(item);
    claims.push_back(item->claim);
  }
  // Events count once: they wait until every ledger that counts them may be written to.
  for (const MappingSet::Target& target : mapped.targets) {
    if (target.events.empty() || !IsRefused(target.name)) continue;
    NoteLeftOut(batch.state, target.name);
    return;
  }
  std::vector<std::vector<Event>> waiting = Events::Of(batch.state, claims);
  std::vector<Told> told;
  std::vector<std::pair<Claim, Event>> settled;
  std::set<std::string> mappings;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    Item& item = *asked[i];
    // There may be more than were given: the memory stays dirty until all were.
    if (waiting[i].size() == Events::kAtOnce && waiting[i].back().parked.empty() &&
        item.settlement.kind == Settlement::Kind::kDone)
      item.settlement = {Settlement::Kind::kLookAgain, std::chrono::milliseconds{0}, false, {}};
    for (Event& event : waiting[i]) {
      mappings.insert(event.parked.begin(), event.parked.end());
      const Hearing hearing = Hear(item, event);
      if (hearing == Hearing::kCounts) told.push_back({&item, std::move(event)});
      if (hearing != Hearing::kNoSuchMemory && hearing != Hearing::kStillThere) continue;
      ++batch.events_discarded;
      Log(LogLevel::kWarn, "event_discarded",
          {{"project", item.claim.project.Text()},
           {"memory", item.claim.memory.Text()},
           {"delivery", event.delivery.Text()},
           {"type", event.type},
           {"reason", hearing == Hearing::kStillThere ? "Mem0 still has the memory" : "Mem0 has no such memory"}});
      event.parked.clear();
      settled.emplace_back(item.claim, std::move(event));
    }
  }
  for (const MappingSet::Target& target : mapped.targets) {
    for (const auto& applier : target.events) {
      mappings.insert(applier->Definition().name);
      GiveEvents(batch, TransactionOf(batch, target), *applier, told);
    }
  }
  for (Told& one : told) {
    ++(one.refused_by.empty() ? batch.events_counted : batch.events_parked);
    one.event.parked = std::move(one.refused_by);
    settled.emplace_back(one.item->claim, std::move(one.event));
  }
  Events::Settle(batch.state, settled, {mappings.begin(), mappings.end()});
}

void Worker::GiveEvents(Batch& batch, postgres::Transaction& transaction, const Applier& applier, std::vector<Told>& told) {
  const std::string& mapping = applier.Definition().name;
  std::vector<Told*> given;
  std::vector<Source> sources;
  for (Told& one : told) {
    if (!one.IsFor(mapping)) continue;
    given.push_back(&one);
    sources.push_back(one.AsSource());
  }
  const std::vector<Outcome> outcomes = applier.Apply(transaction, sources, batch.now, false, batch.refused);
  std::set<const Item*> parked;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    Note(batch, outcomes[i]);
    // One that the ledger knows already was counted before a crash: kLate is as good as applied.
    if (outcomes[i].kind != Outcome::Kind::kParked) continue;
    given[i]->refused_by.push_back(mapping);
    if (parked.insert(given[i]->item).second) Park(batch, *given[i]->item, mapping, outcomes[i]);
  }
}

}  // namespace membridge::sync
