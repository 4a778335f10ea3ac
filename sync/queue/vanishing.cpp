#include "sync/queue/vanishing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <string>

#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Rows;

// Memories that a sweep doubts: its own guard has counted them. $1 project, $2 memories.
constexpr const char* kDoubtedBySweep = R"(
    SELECT DISTINCT s.memory_id FROM membridge.sweep_doubts s
    JOIN membridge.backfill_runs r ON r.id = s.run AND r.project = $1 WHERE s.memory_id = ANY ($2::text[]))";

// Runs only when too many vanished; workers do not read the journal otherwise.
constexpr const char* kAnnouncedDeleted = R"(
    SELECT DISTINCT m FROM membridge.deliveries d CROSS JOIN LATERAL unnest(d.memories) AS m
    WHERE d.project = $1 AND d.received_at > clock_timestamp() - interval '2 days' AND d.memories && $2::text[]
      AND m = ANY ($2::text[]) AND d.verdict IN ('delete', 'mixed')
    UNION
    SELECT s.memory_id FROM membridge.source_deletions s
    WHERE s.project = $1 AND s.memory_id = ANY ($2::text[]) AND s.at > clock_timestamp() - interval '2 days')";

// A held memory that is neither parked nor held now was found again, or an operator dropped it.
constexpr const char* kForgetVanished = R"(
    DELETE FROM membridge.vanished v
    WHERE v.project = $1 AND NOT v.memory_id = ANY ($2::text[])
      AND CASE WHEN v.held THEN NOT EXISTS (SELECT FROM membridge.parked p WHERE p.project = v.project AND p.memory_id = v.memory_id)
               ELSE v.at < clock_timestamp() - $3::bigint * interval '1 second' END)";
constexpr const char* kCountVanished =
    "SELECT count(*) FROM membridge.vanished v WHERE v.project = $1 AND NOT v.memory_id = ANY ($2::text[])";

/// Counts live memories, up to `limit`. The limit stands in the text: PostgreSQL plans for so many rows then, not for all there
/// are.
std::string CountLive(std::uint64_t limit) {
  return fmt::format(R"(
    SELECT count(*) FROM (
      SELECT FROM generate_series(0, {} - 1) AS b(bucket)
      CROSS JOIN LATERAL (SELECT FROM membridge.memories m
                          WHERE m.bucket = b.bucket::smallint AND m.project = $1 AND m.gone_at IS NULL
                          ORDER BY m.bucket, m.project, m.memory_id LIMIT {}) AS of_bucket
      LIMIT {}) AS counted)",
                     kBuckets, limit, limit);
}
constexpr const char* kNoteVanished = R"(
    INSERT INTO membridge.vanished AS v (project, memory_id, held)
    SELECT $1, m, $3::boolean FROM unnest($2::text[]) AS m ORDER BY m
    ON CONFLICT (project, memory_id) DO UPDATE SET held = excluded.held)";

constexpr const char* kNoteContradiction = R"(
    INSERT INTO membridge.contradictions AS c (project, memory_id) VALUES ($1, $2)
    ON CONFLICT (project, memory_id) DO UPDATE SET
      since = CASE WHEN c.last_at < clock_timestamp() - interval '10 minutes' THEN clock_timestamp() ELSE c.since END,
      last_at = clock_timestamp()
    RETURNING (extract(epoch FROM last_at - since) * 1000)::bigint)";
constexpr const char* kForgetContradictions =
    "DELETE FROM membridge.contradictions WHERE last_at < clock_timestamp() - interval '1 day'";

/// Memories that may have to be held, with their positions.
class Candidates {
 public:
  void Add(const std::string& memory, std::size_t place) { memories_.emplace_back(memory, place); }
  bool empty() const { return memories_.empty(); }
  std::int64_t size() const { return static_cast<std::int64_t>(memories_.size()); }
  postgres::Param Ids() const {
    Column ids;
    for (const auto& [memory, place] : memories_) ids.AddText(memory);
    return ids.Take();
  }
  /// Removes those that the rows name.
  void Drop(const Rows& rows) {
    std::set<std::string> named;
    for (std::size_t row = 0; row < rows.size(); ++row) named.emplace(rows.Text(row, 0));
    std::erase_if(memories_, [&](const auto& one) { return named.contains(one.first); });
  }
  std::set<std::size_t> Places() const {
    std::set<std::size_t> places;
    for (const auto& [memory, place] : memories_) places.insert(place);
    return places;
  }

 private:
  std::vector<std::pair<std::string, std::size_t>> memories_;
};

}  // namespace

std::set<std::size_t> Vanishing::HoldBack(const ProjectId& project, const std::vector<Claim>& absent,
                                          const VanishingGuard& guard) {
  Candidates candidates;
  for (std::size_t i = 0; i < absent.size(); ++i) {
    const Claim& claim = absent[i];
    if (claim.reason != "manual") candidates.Add(claim.memory.Text(), i);
  }
  if (candidates.empty()) return {};
  candidates.Drop(transaction_.Run(kDoubtedBySweep, {project.Text(), candidates.Ids()}));
  if (candidates.empty()) return {};
  const auto too_many = [&] {
    transaction_.Run(kForgetVanished, {project.Text(), candidates.Ids(), std::to_string(guard.within.count())});
    const std::int64_t vanished =
        candidates.size() + transaction_.Run(kCountVanished, {project.Text(), candidates.Ids()}).Int(0, 0);
    if (vanished <= guard.at_least) return false;
    if (guard.share <= 0) return true;
    // No more are counted than matter, and in powers of two, so that there are few statements.
    const auto enough =
        std::bit_ceil(static_cast<std::uint64_t>(std::min(static_cast<double>(vanished) / guard.share, 1e15)) + 1);
    const auto live = static_cast<double>(transaction_.Run(CountLive(enough), {project.Text()}).Int(0, 0));
    return static_cast<double>(vanished) > guard.share * live;
  };
  bool held = too_many();
  if (held) {
    candidates.Drop(transaction_.Run(kAnnouncedDeleted, {project.Text(), candidates.Ids()}));
    if (candidates.empty()) return {};
    held = too_many();
  }
  transaction_.Run(kNoteVanished, {project.Text(), candidates.Ids(), held ? "t" : "f"});
  return held ? candidates.Places() : std::set<std::size_t>{};
}

std::chrono::milliseconds Vanishing::Contradicted(const Claim& claim) {
  transaction_.Run(kForgetContradictions);
  const Rows rows = transaction_.Run(kNoteContradiction, {claim.project.Text(), claim.memory.Text()});
  return std::chrono::milliseconds{rows.Int(0, 0)};
}

}  // namespace membridge::sync
