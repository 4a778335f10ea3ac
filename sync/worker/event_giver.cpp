#include "sync/worker/event_giver.hpp"

#include <algorithm>

#include "mappings/base/log.hpp"

namespace membridge::sync {

using nlohmann::json;

/// A present memory is given with its current record, a gone one only with its id.
Source EventGiver::Told::AsSource() const {
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
      item->standing == WorkItem::Standing::kPresent ? item->memory->record : json{{"id", claim.memory.Text()}};
  return source;
}

/// Whether this mapping still has to take the event. An event that was refused before goes only to the mappings that refused it.
bool EventGiver::Told::IsFor(const std::string& mapping) const {
  return event.parked.empty() || std::find(event.parked.begin(), event.parked.end(), mapping) != event.parked.end();
}

EventGiver::Hearing EventGiver::Hear(const WorkItem& item, const Event& event) const {
  if (item.standing == WorkItem::Standing::kNever) return Hearing::kNoSuchMemory;
  // The record has to be read late enough after the event.
  if (!item.is_final && item.claim.claimed_at - event.queued_at < read_lag_) return Hearing::kTooEarly;
  const bool contradicted = item.standing == WorkItem::Standing::kPresent && event.type == "DELETE";
  if (!contradicted) return Hearing::kCounts;
  return item.is_final ? Hearing::kStillThere : Hearing::kTooEarly;
}

void EventGiver::Give(const std::vector<WorkItem*>& items) {
  // Events count once: they wait until every ledger that counts them may be written to.
  for (const MappingSet::Target& target : mapped_.targets) {
    if (!target.events.empty() && batch_.LeavesOut(target)) return;
  }
  std::vector<WorkItem*> asked;
  for (WorkItem* item : items) {
    // A record from a list was not dirty, so it has no new events.
    if (!item->listed && item->standing != WorkItem::Standing::kOpen) asked.push_back(item);
  }
  std::vector<Told> told = Hear(asked);
  for (const MappingSet::Target& target : mapped_.targets) {
    for (const auto& applier : target.events) GiveTo(target, *applier, told);
  }
  for (Told& one : told) {
    ++(one.refused_by.empty() ? batch_.Counts().events_counted : batch_.Counts().events_parked);
    one.event.parked = std::move(one.refused_by);
    settled_.emplace_back(one.item->claim, std::move(one.event));
  }
  Events{batch_.State()}.Settle(settled_, {mappings_.begin(), mappings_.end()});
}

/// Returns the events of these memories that count now, and settles those that never will.
std::vector<EventGiver::Told> EventGiver::Hear(const std::vector<WorkItem*>& items) {
  std::vector<Claim> claims;
  for (const WorkItem* item : items) claims.push_back(item->claim);
  std::vector<std::vector<Event>> waiting = Events{batch_.State()}.Of(claims);
  std::vector<Told> told;
  for (std::size_t i = 0; i < items.size(); ++i) {
    WorkItem& item = *items[i];
    // There may be more than were given: the memory stays dirty until all were.
    if (waiting[i].size() == Events::kAtOnce && waiting[i].back().parked.empty() &&
        item.settlement.kind == Settlement::Kind::kDone)
      item.settlement = {Settlement::Kind::kLookAgain, std::chrono::milliseconds{0}, false, {}};
    for (Event& event : waiting[i]) {
      mappings_.insert(event.parked.begin(), event.parked.end());
      const Hearing hearing = Hear(item, event);
      if (hearing == Hearing::kTooEarly) continue;
      if (hearing == Hearing::kCounts) {
        told.push_back({&item, std::move(event)});
        continue;
      }
      ++batch_.Counts().events_discarded;
      Log(LogLevel::kWarn, "event_discarded",
          {{"project", item.claim.project.Text()},
           {"memory", item.claim.memory.Text()},
           {"delivery", event.delivery.Text()},
           {"type", event.type},
           {"reason", hearing == Hearing::kStillThere ? "Mem0 still has the memory" : "Mem0 has no such memory"}});
      event.parked.clear();
      settled_.emplace_back(item.claim, std::move(event));
    }
  }
  return told;
}

void EventGiver::GiveTo(const MappingSet::Target& target, const Applier& applier, std::vector<Told>& told) {
  const std::string& mapping = applier.Definition().name;
  mappings_.insert(mapping);
  std::vector<Told*> given;
  std::vector<Source> sources;
  for (Told& one : told) {
    if (!one.IsFor(mapping)) continue;
    given.push_back(&one);
    sources.push_back(one.AsSource());
  }
  const std::vector<Outcome> outcomes = batch_.Give(target, applier, sources);
  std::set<const WorkItem*> parked;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    // An event that the ledger knows was counted before a crash, so kLate counts as applied.
    if (outcomes[i].kind != Outcome::Kind::kParked) continue;
    given[i]->refused_by.push_back(mapping);
    if (parked.insert(given[i]->item).second) batch_.Park(*given[i]->item, mapping, outcomes[i]);
  }
}

}  // namespace membridge::sync
