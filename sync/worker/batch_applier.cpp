#include "sync/worker/batch_applier.hpp"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "sync/queue/listed_claims.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/suppression.hpp"
#include "sync/worker/project_applier.hpp"

namespace membridge::sync {
namespace {

/// Returns the memories of a batch that may be written. An erased user's memory is settled, but neither applied nor mirrored.
std::vector<WorkItem*> WithoutErased(Batch& batch, const std::vector<WorkItem*>& items) {
  std::vector<Suppression::Memory> asked;
  for (const WorkItem* item : items)
    asked.push_back({item->claim.project, item->claim.memory, item->memory ? item->memory->user_id : std::nullopt});
  const std::set<std::size_t> erased = Suppression{batch.State()}.Among(asked);
  std::vector<WorkItem*> left;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!erased.contains(i)) {
      left.push_back(items[i]);
      continue;
    }
    items[i]->settlement = Settlement{};
    items[i]->fate = RecordFate::kSame;
    ++batch.Counts().unchanged;
    ++batch.Counts().suppressed;
  }
  return left;
}

}  // namespace

Batch BatchApplier::Open(Applier::Refused refused) {
  return Batch{tools_.sessions, tools_.targets, tools_.patience, tools_.mappings(), tools_.clock.Now(), refused};
}

void BatchApplier::ApplyClaimed(const std::vector<WorkItem*>& items, Applier::Refused refused) {
  Batch batch = Open(refused);
  std::vector<Claim> claims;
  for (const WorkItem* item : items) claims.push_back(item->claim);
  std::set<std::int64_t> fences;
  for (const Claim& claim : Queue{batch.State()}.StillOurs(claims)) fences.insert(claim.fence);
  std::vector<WorkItem*> ours;
  for (WorkItem* item : items) {
    item->reading.reset();
    if (fences.contains(item->claim.fence)) {
      ours.push_back(item);
    } else {
      ++batch.Counts().late;
    }
  }
  Conclude(batch, ours, {});
}

void BatchApplier::ApplyListed(const ProjectId& project, const std::vector<WorkItem*>& items, Applier::Refused refused,
                               const Also& also) {
  Batch batch = Open(refused);
  std::map<std::string, WorkItem*> by_id;
  std::vector<MemoryId> ids;
  for (WorkItem* item : items) {
    item->fate = RecordFate::kBusy;
    item->reading.reset();
    by_id[item->claim.memory.Text()] = item;
    ids.push_back(item->claim.memory);
  }
  std::vector<WorkItem*> taken;
  for (Claim& claim : TakeListed(batch.State(), project, ids)) {
    WorkItem* item = by_id.at(claim.memory.Text());
    item->claim = std::move(claim);
    taken.push_back(item);
  }
  Conclude(batch, taken, also);
}

/// Applies the memories whose locks the batch holds, and commits rows, ledger, mirror, queue, and what `also` adds.
void BatchApplier::Conclude(Batch& batch, const std::vector<WorkItem*>& items, const Also& also) {
  for (const WorkItem* item : items) batch.Cover(item->claim.fence);
  std::map<ProjectId, std::vector<WorkItem*>> by_project;
  for (WorkItem* item : WithoutErased(batch, items)) by_project[item->claim.project].push_back(item);
  for (const auto& [project, members] : by_project) ProjectApplier{tools_.options, batch, project}.Apply(members);
  batch.AskDeferred();
  std::vector<std::pair<Claim, Settlement>> settlements;
  std::vector<std::pair<Claim, Reading>> readings;
  for (WorkItem* item : items) {
    settlements.emplace_back(item->claim, item->settlement);
    if (item->reading) readings.emplace_back(item->claim, std::move(*item->reading));
  }
  if (!readings.empty()) Mirror{batch.State()}.Write(readings);
  batch.MarkPassedOver();
  if (!settlements.empty()) Queue{batch.State()}.Settle(settlements);
  if (also) also(batch.State());
  batch.Commit();

  if (batch.Wakes()) tools_.woken.Expect();
  tools_.parked.NoteWritten(batch.Written());
  batch.Counts().AddTo(tools_.counters, tools_.clock.Now());
}

}  // namespace membridge::sync
