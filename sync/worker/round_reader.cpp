#include "sync/worker/round_reader.hpp"

#include <map>
#include <optional>
#include <utility>

#include "sync/queue/mirror.hpp"

namespace membridge::sync {

RoundReader::RoundReader(ReaderOptions options, Reader::ClientFor client_for, WorkerCounters& counters, TiedSessions& sessions)
    : reader_(options, std::move(client_for), counters), sessions_(sessions) {}

void RoundReader::Read(std::vector<WorkItem>& items, const std::function<void()>& advance) {
  RefuseOtherProjects(items);
  ReadFromMirror(items);
  std::map<ProjectId, std::vector<WorkItem*>> by_project;
  for (WorkItem& item : items) {
    if (item.read == WorkItem::Read::kNotAsked) by_project[item.claim.project].push_back(&item);
  }
  for (const auto& [project, members] : by_project) ReadFromMem0(project, members, advance);
  for (WorkItem& item : items) {
    if (item.memory) item.digest = mappings::DigestOf(*item.memory);
  }
}

/// Records from the mirror must not be written either while the project's key is another project's.
void RoundReader::RefuseOtherProjects(std::vector<WorkItem>& items) {
  std::map<ProjectId, std::optional<Error>> refusals;
  for (WorkItem& item : items) {
    auto refusal = refusals.find(item.claim.project);
    if (refusal == refusals.end())
      refusal = refusals.emplace(item.claim.project, reader_.OfOtherProject(item.claim.project)).first;
    if (!refusal->second) continue;
    item.read = WorkItem::Read::kFailed;
    item.error = *refusal->second;
  }
}

void RoundReader::ReadFromMirror(std::vector<WorkItem>& items) {
  std::vector<WorkItem*> wanted;
  std::vector<Claim> claims;
  for (WorkItem& item : items) {
    if (item.claim.reason != kReproject || item.read != WorkItem::Read::kNotAsked) continue;
    wanted.push_back(&item);
    claims.push_back(item.claim);
  }
  if (claims.empty()) return;
  postgres::Transaction transaction = sessions_.State().Begin();
  const auto mirrored = Mirror{transaction}.LookUp(claims);
  transaction.Commit();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!mirrored[i]) continue;  // unknown: Mem0 is asked
    if (mirrored[i]->gone) {
      // Withdraws what the gone memory said once more. The mirror does not know whether the memory is back, and Mem0 is not asked
      // here.
      wanted[i]->read = WorkItem::Read::kAbsent;
      continue;
    }
    if (!mirrored[i]->record) continue;
    if (auto memory = mappings::ReadMemory(*mirrored[i]->record)) {
      wanted[i]->read = WorkItem::Read::kFound;
      wanted[i]->memory = std::move(*memory);
    }
  }
}

void RoundReader::ReadFromMem0(const ProjectId& project, const std::vector<WorkItem*>& items,
                               const std::function<void()>& advance) {
  std::vector<MemoryId> ids;
  for (const WorkItem* item : items) ids.push_back(item->claim.memory);
  std::vector<ReadAnswer> answers = reader_.Read(project, ids, advance);
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i]->read = answers[i].kind;
    items[i]->memory = std::move(answers[i].memory);
    items[i]->error = std::move(answers[i].error);
    items[i]->retry_after = answers[i].retry_after;
    items[i]->is_exact = answers[i].is_exact;
  }
}

}  // namespace membridge::sync
