#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/mapping.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// A database that holds target tables, and the mappings in force there.
struct ErasureTarget {
  std::string name;  ///< as in `targets:`
  std::string dsn;
  std::vector<std::shared_ptr<const mappings::Mapping>> mappings;
  bool tells_changes = false;  ///< whether the change feed is on there, for one of the mappings at least
};

/// How many of each kind: `deliveries`, `events`, `memories` (mirror and tombstones), `dirty`, `parked`, `exports`,
/// `sweep_notes`, `contributions`, `rows_deleted` (made by the bridge for this person alone), `rows_changed` (others' rows that
/// lost what the person's memories said), `rows_left` (made by the bridge for this person, but the database refuses to delete
/// them; what was said in them is withdrawn), `cells_left` (values of theirs in rows or cells that are not the bridge's any more,
/// or that cannot be emptied; the log event `erasure_cell_left` tells table and cell), `withdrawals_refused` (the database
/// refused even that); and `versions_deleted`, `versions_changed` and `versions_left`, the same for closed versions under
/// `history`; `changes`: entries of the change feed that were deleted or lost values; and `sent:NAME`: changes of theirs that the
/// endpoint NAME of `feeds` had been sent before, which nobody here can take back.
using ErasureCounts = std::map<std::string, std::int64_t>;

/// Memories of other people whose older claims could not replace the erased person's. They must be applied anew.
using PassedOver = std::vector<std::pair<ProjectId, MemoryId>>;

/// The record of what an erasure did. It does not name the person.
struct ErasureReceipt {
  std::string id;         ///< the erasure's UUID; a run that continues an interrupted erasure has the same
  std::string user_hash;  ///< 64 hex digits; the same for every erasure of this user in this database
  Instant begun_at, finished_at;
  ErasureCounts erased;
};

/// Erases a user of a project from everything the bridge keeps, and from the target tables. For one thread.
///
/// It works in this order, each step in a transaction of its own. First it suppresses the user and every known memory of theirs:
/// from then on no worker, sweep or export writes anything of them. Then it withdraws what their memories and exports said from
/// the target tables by the usual rules, and deletes rows that the bridge made for them alone, with everything that people wrote
/// into them. Last it deletes deliveries, mirror, queue and notes. After a crash the next Run() goes on, because the memories'
/// ids are deleted last. Running it while `serve` runs is safe. Running it again finds nothing, unless something had to stay:
/// then the memories' ids are kept to find it, and every run reports it until it is gone.
///
/// It cannot erase what agents remember without naming the user, copies that others made (backups, replicas), and what Mem0
/// itself holds. A sweep notes the bare ids of the latter until the next sweep.
class Erasure {
 public:
  Erasure(std::string state_dsn, std::vector<ErasureTarget> targets, ProjectId project, std::string user);

  /// Both functions return kRefused when a target has the ledger of another state; then nothing was done.
  ///
  /// Count() counts what Run() would erase now, as far as that can be counted without doing it. Changes nothing.
  Result<ErasureCounts> Count() const;
  /// Erases. kUnavailable: a database is away, or a lock was not free; the finished steps stay done, so run it again.
  Result<ErasureReceipt> Run(Instant now);
  /// Marks the memories dirty in the state.
  static void ApplyAnew(postgres::Session& state, const PassedOver& passed_over);

 private:
  struct Begun;
  Result<void> AskLedgers(postgres::Session& state) const;
  Begun Begin(postgres::Session& state) const;
  void PurgeState(postgres::Session& state, Begun& begun) const;
  void Note(postgres::Transaction& transaction, const Begun& begun, bool finished) const;

  const std::string state_dsn_;
  const std::vector<ErasureTarget> targets_;
  const ProjectId project_;
  const std::string user_;
};

}  // namespace membridge::sync
