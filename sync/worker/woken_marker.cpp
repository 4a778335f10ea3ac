#include "sync/worker/woken_marker.hpp"

#include <string>

#include "mappings/base/log.hpp"
#include "sync/apply/missing_rows.hpp"
#include "sync/postgres/column.hpp"
#include "sync/queue/queue.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {
namespace {

constexpr int kWokenAtOnce = 1000;

/// Returns the woken memories of a project under these mappings. Notes of a mapping that is not in force any more are left out.
std::vector<MemoryId> WokenIn(postgres::Session& target, const ProjectId& project, const MappingSet::Target& mapped,
                              const std::string& after) {
  std::vector<postgres::Param> mappings;
  for (const auto& applier : mapped.appliers) mappings.emplace_back(applier->Definition().name);
  const postgres::Rows rows = target.Run(
      "SELECT DISTINCT source COLLATE \"C\" FROM membridge.waiting WHERE woken AND project = $1 AND mapping = ANY ($2::text[]) "
      "AND "
      "source COLLATE \"C\" > $3 ORDER BY 1 LIMIT $4",
      {project.Text(), postgres::ArrayOf(mappings), after, std::to_string(kWokenAtOnce)});
  std::vector<MemoryId> woken;
  for (std::size_t row = 0; row < rows.size(); ++row) woken.emplace_back(std::string{rows.Text(row, 0)});
  return woken;
}

/// Returns the woken memories that must be marked. Leaves out a memory that is dirty and unclaimed: it finds the row when its
/// turn comes. Includes a claimed one, because its worker may have looked before the row was made. Leaves out one that does not
/// wait: it was applied since, or is being applied for the first time and will be found here again.
std::vector<MemoryId> NotDueYet(postgres::Transaction& state, const ProjectId& project, const std::vector<MemoryId>& woken) {
  postgres::Column buckets, ids;
  for (const MemoryId& memory : woken) {
    buckets.AddNumber(BucketOf(project, memory));
    ids.AddText(memory.Text());
  }
  const postgres::Rows rows = state.Run(R"(
      SELECT m.memory_id FROM unnest($2::smallint[], $3::text[]) AS c(bucket, memory_id)
      JOIN membridge.memories m ON m.bucket = c.bucket AND m.project = $1 AND m.memory_id = c.memory_id AND m.waits
      WHERE NOT EXISTS (SELECT FROM membridge.dirty d WHERE d.bucket = c.bucket AND d.project = $1 AND d.memory_id = c.memory_id
                        AND (d.claimed_until IS NULL OR d.claimed_until <= statement_timestamp())))",
                                        {project.Text(), buckets.Take(), ids.Take()});
  std::vector<MemoryId> memories;
  for (std::size_t row = 0; row < rows.size(); ++row) memories.emplace_back(std::string{rows.Text(row, 0)});
  return memories;
}

}  // namespace

WokenMarker::WokenMarker(std::chrono::seconds wake_every, TiedSessions& sessions, const AdmittedTargets& targets,
                         const MappingsInForce& mappings)
    : wake_every_(wake_every), sessions_(sessions), targets_(targets), mappings_(mappings) {}

void WokenMarker::Mark() {
  const auto now = std::chrono::steady_clock::now();
  if (!expected_ && now - looked_at_ < wake_every_) return;
  expected_ = false;
  looked_at_ = now;
  const auto mapped = mappings_();
  for (const auto& [project, mappings] : mapped->projects) {
    for (const MappingSet::Target& target : mappings.targets) {
      try {
        MarkOf(target, project);
      } catch (const postgres::SqlFailure& failure) {
        // Look again soon. A target that is away must not hold up the others.
        Log(LogLevel::kWarn, "waking_postponed", {{"target", target.name}, {"sqlstate", failure.fields().sqlstate}});
      }
    }
  }
}

void WokenMarker::MarkOf(const MappingSet::Target& target, const ProjectId& project) {
  const Admission* admission = targets_.Find(target.name);
  if (target.appliers.empty() || admission == nullptr) return;
  postgres::Session& session = sessions_.Target(target.dsn);
  {
    postgres::Transaction transaction = session.Begin();
    EnterLedger(transaction, admission->known);
    if (!Waits::Match(transaction)) expected_ = true;
    transaction.Commit();
  }
  std::string after;
  while (true) {
    const std::vector<MemoryId> woken = WokenIn(session, project, target, after);
    if (woken.empty()) return;
    after = woken.back().Text();
    postgres::Transaction state = sessions_.State().Begin();
    Queue{state}.Mark(project, NotDueYet(state, project, woken), kReproject);
    state.Commit();
  }
}

}  // namespace membridge::sync
