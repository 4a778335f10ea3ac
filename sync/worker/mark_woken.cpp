// The part of Worker that marks memories dirty when a row that they needed was made.
#include <algorithm>
#include <set>

#include "mappings/base/log.hpp"
#include "sync/apply/missing_rows.hpp"
#include "sync/postgres/column.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {
namespace {

constexpr int kWokenAtOnce = 1000;

/// Woken memories of a project under these mappings. What a mapping noted that is not in force any more wakes nobody.
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

/// Those that are to be marked. Who is dirty and held by nobody will find the row anyway; who holds one may have looked before it
/// was made. A memory that does not wait has been applied since, or is being applied for the first time: then it is met here
/// again.
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

/// In transactions of its own, which hold no lock of a target while they wait for one of the queue's, nor the other way round:
/// the two may be two databases, and neither would notice that they wait for one another.
void Worker::MarkWoken() {
  const auto now = std::chrono::steady_clock::now();
  if (!woke_ && now - looked_for_woken_ < options_.wake_every) return;
  woke_ = false;
  looked_for_woken_ = now;
  const auto mapped = mappings_();
  for (const auto& [project, mappings] : mapped->projects) {
    for (const MappingSet::Target& target : mappings.targets) {
      try {
        MarkWokenOf(target, project);
      } catch (const postgres::SqlFailure& failure) {
        // Looked for again soon; a target that is away must not hold up the others.
        Log(LogLevel::kWarn, "waking_postponed", {{"target", target.name}, {"sqlstate", failure.fields().sqlstate}});
      }
    }
  }
}

void Worker::MarkWokenOf(const MappingSet::Target& target, const ProjectId& project) {
  const auto admitted = admitted_.find(target.name);
  if (target.appliers.empty() || admitted == admitted_.end() || !admitted->second) return;
  postgres::Session& session = target.dsn ? TargetSession(*target.dsn) : State();
  {
    postgres::Transaction transaction = session.Begin();
    EnterLedger(transaction, admitted->second->known);
    woke_ = !Waits::Match(transaction) || woke_;
    transaction.Commit();
  }
  std::string after;
  while (true) {
    const std::vector<MemoryId> woken = WokenIn(session, project, target, after);
    if (woken.empty()) return;
    after = woken.back().Text();
    postgres::Transaction state = State().Begin();
    Queue::Mark(state, project, NotDueYet(state, project, woken), kReproject);
    state.Commit();
  }
}

}  // namespace membridge::sync
