#include "sync/queue/listed_claims.hpp"

#include "sync/postgres/column.hpp"

namespace membridge::sync {

std::vector<Claim> TakeListed(postgres::Transaction& transaction, const ProjectId& project,
                              const std::vector<MemoryId>& memories) {
  if (memories.empty()) return {};
  postgres::Column buckets, ids;
  for (const MemoryId& memory : memories) {
    buckets.AddNumber(BucketOf(project, memory));
    ids.AddText(memory.Text());
  }
  // In the order in which deliveries mark memories, so that the two cannot deadlock.
  const postgres::Rows rows = transaction.Run(R"(
      INSERT INTO membridge.dirty (bucket, project, memory_id, reason, fence)
      SELECT DISTINCT ON (m.bucket, m.memory_id COLLATE "C") m.bucket, $1, m.memory_id, 'sweep', nextval('membridge.fence')
      FROM unnest($2::smallint[], $3::text[]) AS m(bucket, memory_id)
      ORDER BY m.bucket, m.memory_id COLLATE "C"
      ON CONFLICT (bucket, project, memory_id) DO NOTHING
      RETURNING bucket, memory_id, generation, fence, marked_at, statement_timestamp())",
                                              {project.Text(), buckets.Take(), ids.Take()});
  std::vector<Claim> claims;
  claims.reserve(rows.size());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    Claim claim;
    claim.bucket = static_cast<int>(rows.Int(row, 0));
    claim.project = project;
    claim.memory = MemoryId{std::string{rows.Text(row, 1)}};
    claim.generation = rows.Int(row, 2);
    claim.fence = rows.Int(row, 3);
    claim.marked_at = postgres::TimeAt(rows, row, 4);
    claim.claimed_at = postgres::TimeAt(rows, row, 5);
    claim.reason = "sweep";
    claims.push_back(std::move(claim));
  }
  return claims;
}

}  // namespace membridge::sync
