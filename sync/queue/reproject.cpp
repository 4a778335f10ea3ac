#include "sync/queue/reproject.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "mappings/base/exact_json.hpp"
#include "mappings/memory.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

constexpr int kPage = 500;

std::size_t MarkThose(postgres::Session& state, const ProjectId& project, const char* which) {
  std::size_t marked = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    std::string after;
    while (true) {
      postgres::Transaction transaction = state.Begin();
      const postgres::Rows rows = transaction.Run(
          std::string{"SELECT memory_id FROM membridge.memories WHERE bucket = $1 AND project = $2 AND memory_id > $3 AND "} +
              which + " ORDER BY memory_id LIMIT $4",
          {std::to_string(bucket), project.Text(), after, std::to_string(kPage)});
      if (rows.empty()) break;
      std::vector<MemoryId> memories;
      for (std::size_t i = 0; i < rows.size(); ++i) memories.emplace_back(std::string{rows.Text(i, 0)});
      after = memories.back().Text();
      Queue{transaction}.Mark(project, memories, "reproject");
      transaction.Commit();
      marked += memories.size();
    }
  }
  return marked;
}

}  // namespace

std::size_t MarkMirror(postgres::Session& state, const ProjectId& project) {
  return MarkThose(state, project, "record IS NOT NULL");
}

std::size_t MarkWaiting(postgres::Session& state, const ProjectId& project) {
  return MarkThose(state, project, "waits");
}

void PlanMirror(postgres::Session& state, postgres::Session& target, const ProjectId& project, const Applier& applier,
                Instant now, const PlanProgress& progress, const PlanSink& sink) {
  const auto count =
      state.Run("SELECT count(*) FROM membridge.memories WHERE project = $1 AND record IS NOT NULL", {project.Text()});
  const auto all = static_cast<std::size_t>(count.Int(0, 0));
  const Day today = std::chrono::floor<std::chrono::days>(now);
  postgres::Transaction transaction = target.Begin();                     // never committed
  transaction.Run("SET LOCAL idle_in_transaction_session_timeout TO 0");  // a person may read the output slowly
  std::size_t done = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    std::string after;
    while (true) {
      const postgres::Rows rows = state.Run(
          "SELECT memory_id, record::text FROM membridge.memories WHERE bucket = $1 AND project = $2 AND memory_id > $3 AND "
          "record IS NOT NULL "
          "ORDER BY memory_id LIMIT $4",
          {std::to_string(bucket), project.Text(), after, std::to_string(kPage)});
      if (rows.empty()) break;
      std::vector<Source> sources;
      for (std::size_t i = 0; i < rows.size(); ++i) {
        after = rows.Text(i, 0);
        const auto memory = mappings::ReadMemory(mappings::ParseExact(rows.Text(i, 1)));
        if (!memory) continue;
        Source& source = sources.emplace_back();
        source.project = project;
        source.id = memory->id.Text();
        source.stamp = memory->updated_at;
        source.fence = std::numeric_limits<std::int64_t>::max();  // nothing can be later than a plan that is never committed
        source.speaks = memory->IsLive(today);
        source.names["memory"] = memory->record;
      }
      const std::vector<Outcome> outcomes = applier.Apply(transaction, sources, now, true);
      for (std::size_t i = 0; i < outcomes.size(); ++i) sink(sources[i].id, outcomes[i]);
      done += rows.size();
      progress(std::min(done, all), all);
    }
  }
}

}  // namespace membridge::sync
