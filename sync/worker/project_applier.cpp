#include "sync/worker/project_applier.hpp"

#include <algorithm>
#include <utility>

#include "sync/queue/mirror.hpp"
#include "sync/queue/parking.hpp"
#include "sync/worker/canary.hpp"
#include "sync/worker/decider.hpp"
#include "sync/worker/event_giver.hpp"

namespace membridge::sync {
namespace {

bool IsOfCanary(const WorkItem& item) {
  if (item.memory) return IsCanary(item.memory->record);
  return item.mirrored && item.mirrored->record && IsCanary(*item.mirrored->record);
}

}  // namespace

ProjectApplier::ProjectApplier(const WorkerOptions& options, Batch& batch, const ProjectId& project)
    : options_(options), batch_(batch), project_(project), mapped_(batch.MappingsOf(project)) {}

void ProjectApplier::Apply(const std::vector<WorkItem*>& items) {
  Decider decider{options_, batch_};
  decider.LookUp(project_, items);
  std::vector<Given> given;
  std::vector<Source> sources;
  std::vector<Claim> readable;  // unchanged, and perhaps parked because they could not be read before
  for (WorkItem* item : items) {
    auto source = decider.Decide(*item, mapped_.digest);
    if (IsOfCanary(*item)) {
      // A canary is mirrored but given to no mapping. Its events count as events of a memory that never existed.
      if (item->standing != WorkItem::Standing::kOpen) item->standing = WorkItem::Standing::kNever;
    } else if (source) {
      given.push_back({item});
      sources.push_back(std::move(*source));
    } else if (item->standing == WorkItem::Standing::kPresent) {
      readable.push_back(item->claim);
    }
  }
  if (!readable.empty()) Parked{batch_.State()}.Unpark(readable, {""});
  if (!sources.empty()) GiveMemories(given, sources);
  if (mapped_.CountsEvents()) EventGiver{options_.read_lag, batch_, mapped_}.Give(items);
}

void ProjectApplier::GiveMemories(std::vector<Given>& given, const std::vector<Source>& sources) {
  bool left_out = false;
  for (const MappingSet::Target& target : mapped_.targets) {
    if (target.appliers.empty()) continue;
    if (batch_.LeavesOut(target)) {
      left_out = true;
      continue;
    }
    for (const auto& applier : target.appliers) Give(target, *applier, given, sources);
  }
  BatchCounts& counts = batch_.Counts();
  for (const Given& one : given) {
    WorkItem& item = *one.item;
    // A memory that is parked, waits for a row, or was left out of a target is evaluated again whenever it is read again.
    if (one.parked || one.waits || left_out) item.reading->applied.clear();
    item.reading->waits = one.waits;
    if (one.parked) item.fate = RecordFate::kParked;
    if (one.parked) ++counts.parked;
    ++(one.wrote ? counts.applied : counts.unchanged);
    item.reading->wrote = one.wrote;
    // A final read that was applied completely answers all deliveries from before it.
    if (item.is_final && !item.listed && !item.reading->applied.empty() && item.claim.reason != kReproject)
      item.reading->asked_at = item.claim.claimed_at;
    if (!one.wrote || item.listed) continue;
    counts.newest_mark = std::max(counts.newest_mark.value_or(Instant::min()), item.claim.marked_at);
    if (item.claim.reason == "delivery") counts.delivered.push_back(item.claim.marked_at);
  }
}

void ProjectApplier::Give(const MappingSet::Target& target, const Applier& applier, std::vector<Given>& given,
                          const std::vector<Source>& sources) {
  const std::string& mapping = applier.Definition().name;
  const std::vector<Outcome> outcomes = batch_.Give(target, applier, sources);
  std::vector<Claim> applied;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const Outcome& outcome = outcomes[i];
    given[i].wrote = given[i].wrote || outcome.wrote;
    given[i].waits = given[i].waits || outcome.waits;
    if (outcome.kind != Outcome::Kind::kParked) {
      applied.push_back(given[i].item->claim);
      continue;
    }
    given[i].parked = true;
    batch_.Park(*given[i].item, mapping, outcome);
  }
  if (!applied.empty()) Parked{batch_.State()}.Unpark(applied, {mapping, ""});
}

}  // namespace membridge::sync
