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
};

/// How many of what: `deliveries`, `events`, `memories` (mirror and tombstones), `dirty`, `parked`, `exports`, `sweep_notes`,
/// `contributions`, `rows_deleted` (made by the bridge for this person alone), `rows_changed` (others' rows that lost what the
/// person's memories said), `rows_left` (made by the bridge for this person, and something in the database holds on to them; what
/// was said in them is withdrawn), `cells_left` (what they said stands in rows or cells that are not the bridge's any more, or
/// that cannot be emptied; `erasure_cell_left` in the log says in which table and cell), `withdrawals_refused` (the database
/// refused even that); of closed versions under `history` `versions_deleted`, `versions_changed` and `versions_left` likewise.
using ErasureCounts = std::map<std::string, std::int64_t>;

/// Memories of others whose older claims could not take the erased person's place: they are to be applied anew.
using PassedOver = std::vector<std::pair<ProjectId, MemoryId>>;

/// What an erasure says it did. Nothing in it names the person.
struct ErasureReceipt {
  std::string id;         ///< a UUID, of the erasure; the same when one that was cut off is gone on with
  std::string user_hash;  ///< 64 hex digits; the same for every erasure of this user in this database
  Instant begun_at, finished_at;
  ErasureCounts erased;
};

/// Takes a user of a project out of everything the bridge keeps, and out of the target tables. One thread's.
///
/// In this order, each step a transaction of its own: the user and every known memory of theirs are suppressed (from here on no
/// worker, sweep or export writes anything of them); what their memories and exports said is withdrawn from the target tables by
/// the usual fold, and rows the bridge made
/// for nobody else go whole, with what people wrote into them; deliveries, mirror,
/// queue and notes go. A crash anywhere loses nothing: what names the memories goes last, so that the next Run() goes on. Running
/// it while `serve` runs is safe; running it again finds nothing, unless something was left: then the ids of the memories are
/// kept and lead to it, and every run says so until it is gone.
///
/// Out of reach: what agents remember without naming the user, copies others have made (backups, replicas), and what Mem0 itself
/// holds, whose bare ids a later sweep notes until the next one.
class Erasure {
 public:
  Erasure(std::string state_dsn, std::vector<ErasureTarget> targets, ProjectId project, std::string user);

  /// kRefused by both: a target has the ledger of another state, and nothing was done.
  /// What there is now, as far as it can be counted without doing it; changes nothing.
  Result<ErasureCounts> Count() const;
  /// kUnavailable: a database is away, or a lock could not be had; what was done stays done, run it again.
  Result<ErasureReceipt> Run(Instant now);
  /// Marks them in the state.
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
