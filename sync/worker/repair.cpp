#include "sync/worker/repair.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "mappings/base/log.hpp"
#include "sync/erase/erase_again.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/lease.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/queue.hpp"

namespace membridge::sync {
namespace {

using postgres::Column;
using postgres::Param;
using postgres::Rows;
using postgres::Transaction;

constexpr std::chrono::seconds kRepairLease{300};

constexpr const char* kPageOfMirror = R"(
    SELECT memory_id FROM membridge.memories
    WHERE bucket = $1::smallint AND project = $2 AND memory_id > $3 ORDER BY memory_id LIMIT 500)";
constexpr const char* kPageOfLedger = R"(
    SELECT source FROM membridge.sources
    WHERE project = $1 AND mapping = $2 AND source > $3 AND memory IS NULL AND NOT gone ORDER BY source LIMIT 500)";
// Adds memories to the mirror whose record is not known yet, so that the guard against mass withdrawals counts them.
constexpr const char* kMeet = R"(
    INSERT INTO membridge.memories (bucket, project, memory_id, read_at)
    SELECT m.bucket, $1, m.memory_id, 'epoch' FROM unnest($2::smallint[], $3::text[]) AS m(bucket, memory_id)
    ORDER BY 1, 3 ON CONFLICT DO NOTHING RETURNING memory_id)";
// Adds users that the ledger knows, so that exports ask about them, or withdraw them when they are gone.
constexpr const char* kMeetUsers = R"(
    INSERT INTO membridge.exported (project, mapping, entity, asked, asked_at, export_id)
    SELECT $1, $2, n.name, '', 'epoch', '' FROM unnest($3::text[]) AS n(name) ON CONFLICT DO NOTHING)";
constexpr const char* kAskAgain = "UPDATE membridge.exported SET asked = '' WHERE project = $1 AND mapping = $2";
// The newest event in the ledger tells how far it had come. Late events are at most a day older.
constexpr const char* kLastEvent =
    "SELECT pg_catalog.max(stamp)::text FROM membridge.sources WHERE project = $1 AND mapping = $2 AND memory IS NOT NULL";
constexpr const char* kQueueEvents = R"(
    INSERT INTO membridge.events (bucket, project, memory_id, id, delivery, type, received_at)
    SELECT m.bucket, d.project, m.memory_id, m.event, d.id, split_part(m.told, ' ', 1), d.received_at
    FROM membridge.deliveries d, unnest(d.buckets, d.memories, d.told, d.events) AS m(bucket, memory_id, told, event)
    WHERE d.project = $1 AND d.events IS NOT NULL AND m.event IS NOT NULL
      AND ($2::timestamptz IS NULL OR d.received_at > $2::timestamptz - interval '1 day')
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING)";
constexpr const char* kSweepAll = R"(
    INSERT INTO membridge.catching_up (project, reason) VALUES ($1, 'the state was restored, or took over a target')
    ON CONFLICT (project) DO UPDATE SET reason = excluded.reason, run = NULL)";

std::vector<MemoryId> MemoriesOf(const Rows& rows) {
  std::vector<MemoryId> memories;
  for (std::size_t row = 0; row < rows.size(); ++row) memories.emplace_back(std::string{rows.Text(row, 0)});
  return memories;
}

const std::vector<std::shared_ptr<const Applier>> kNoAppliers;

class TargetRepair {
 public:
  TargetRepair(const RepairTools& tools, const ProjectId& project, const Admission& admission)
      : tools_(tools), project_(project), mapped_(tools.mappings.Of(project)), reads_(admission.repair == "sweep") {}

  const MappingSet::Target* Target() const {
    const auto found = std::find_if(mapped_.targets.begin(), mapped_.targets.end(),
                                    [&](const auto& target) { return target.name == tools_.target; });
    return found == mapped_.targets.end() ? nullptr : &*found;
  }

  void EraseThem() {
    std::vector<ErasureTarget> targets;
    std::optional<ErasureTarget> restored;
    for (const MappingSet::Target& target : mapped_.targets) {
      ErasureTarget& one = targets.emplace_back(ErasureTarget{target.name, target.dsn.value_or(tools_.state_dsn), {}, false});
      const auto add = [&](const std::shared_ptr<const Applier>& applier) {
        one.mappings.emplace_back(applier, &applier->Definition());
        one.tells_changes = one.tells_changes || applier->TellsChanges();
      };
      for (const auto& applier : target.appliers) add(applier);
      for (const auto& each : target.exports) add(each.applier);
      for (const auto& applier : target.events) add(applier);
      if (target.name == tools_.target) restored = one;
    }
    erased_ = EraseAgain(tools_.state, tools_.state_dsn, tools_.there, targets, restored.value(), project_, tools_.now);
  }

  void MarkAll() {
    // Queue the events before the memories are marked, so that a worker finds them. The ledger refuses events that it knows.
    for (const auto& applier : reads_ ? kNoAppliers : Target()->events) {
      const auto last = tools_.there.Run(kLastEvent, {project_.Text(), applier->Definition().name}).Optional(0, 0);
      tools_.state.Run(kQueueEvents, {project_.Text(), last});
    }
    for (int bucket = 0; bucket < kBuckets; ++bucket) {
      std::string after;
      while (true) {
        Transaction transaction = tools_.state.Begin();
        const auto page = MemoriesOf(transaction.Run(kPageOfMirror, {std::to_string(bucket), project_.Text(), after}));
        if (page.empty()) break;
        after = page.back().Text();
        // Mark first: marking takes the lock, so a worker that works on one of them has committed by then.
        Queue{transaction}.Mark(project_, page, reads_ ? "sweep" : "reproject");
        Mirror{transaction}.ForgetApplied(project_, page);
        transaction.Commit();
        marked_ += page.size();
      }
    }
    for (const auto& applier : Target()->appliers) MeetMemories(applier->Definition().name);
    for (const auto& each : Target()->exports) MeetUsers(each.applier->Definition().name);
    if (reads_) tools_.state.Run(kSweepAll, {project_.Text()});
  }

  void Tell() const {
    Log(LogLevel::kInfo, "target_repaired",
        {{"project", project_.Text()},
         {"target", tools_.target},
         {"memories_marked", marked_},
         {"of_the_ledger_only", met_},
         {"erased_again", erased_}});
  }

 private:
  void MeetMemories(const std::string& mapping) {
    std::string after;
    while (true) {
      const auto page = MemoriesOf(tools_.there.Run(kPageOfLedger, {project_.Text(), mapping, after}));
      if (page.empty()) return;
      after = page.back().Text();
      Column buckets, ids;
      for (const MemoryId& memory : page) {
        buckets.AddNumber(BucketOf(project_, memory));
        ids.AddText(memory.Text());
      }
      const std::vector<Param> params{project_.Text(), buckets.Take(), ids.Take()};
      Transaction transaction = tools_.state.Begin();
      const auto met = MemoriesOf(transaction.Run(kMeet, params));
      Queue{transaction}.Mark(project_, met, "sweep");
      transaction.Commit();
      met_ += met.size();
    }
  }

  void MeetUsers(const std::string& mapping) {
    tools_.state.Run(kAskAgain, {project_.Text(), mapping});
    std::string after;
    while (true) {
      const auto page = MemoriesOf(tools_.there.Run(kPageOfLedger, {project_.Text(), mapping, after}));
      if (page.empty()) return;
      after = page.back().Text();
      Column users;
      for (const MemoryId& user : page) users.AddText(user.Text());
      tools_.state.Run(kMeetUsers, {project_.Text(), mapping, users.Take()});
    }
  }

  const RepairTools& tools_;
  const ProjectId& project_;
  const MappingSet::Project& mapped_;
  const bool reads_;
  std::size_t marked_ = 0, met_ = 0, erased_ = 0;
};

}  // namespace

bool RepairTarget(const RepairTools& tools, const Admission& admission) {
  const auto lease = Lease::Take(tools.state, "repair " + admission.ledger, kRepairLease);
  if (!lease) return false;
  for (const auto& [project, mapped] : tools.mappings.projects) {
    TargetRepair repair{tools, project, admission};
    if (repair.Target() == nullptr) continue;
    repair.EraseThem();
    repair.MarkAll();
    repair.Tell();
  }
  LedgerTie{tools.state, tools.there, tools.target}.Repaired(admission);
  return true;
}

}  // namespace membridge::sync
