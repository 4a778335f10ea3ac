#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

struct MappingPlan;

/// Applies sources to the target's rows under one mapping, together with everything that the ledger knows of all other sources.
/// Several threads may use it at once, each with its own transaction. When an application alters the tables, it reads the
/// catalogue again by itself and brings the ledger in step (KnownTables).
class Applier {
 public:
  /// The mapping must have passed CheckAgainst(catalog): a missing table or column throws std::invalid_argument.
  /// `tells_changes`: changed rows are told to the change feed (sync/feed), unless a call explains.
  Applier(std::shared_ptr<const mappings::Mapping> mapping, std::shared_ptr<const mappings::Catalog> catalog,
          bool tells_changes = false);
  ~Applier();

  const mappings::Mapping& Definition() const { return *mapping_; }
  bool TellsChanges() const { return tells_changes_; }

  /// What to do with a source that cannot be applied.
  enum class Refused {
    kParked,  ///< find it by halving; only this source is parked and changes nothing, the others are applied
    kThrown,  ///< throw from the whole call: the caller halves in transactions of its own and calls again
  };

  /// Applies the sources in the caller's transaction: finds or creates their rows, records their claims, and settles every cell
  /// that they claim or used to claim. Returns one outcome per source, in order. With kParked it runs deferred constraints, so
  /// that they park the source at fault; with kThrown it leaves that to the caller. A failure that must not park a source
  /// (RemedyFor: a lock of another session, a database that is away) throws postgres::SqlFailure, and the caller starts over with
  /// a new transaction. Give a source at most once per call. `explain` fills Outcome::decisions.
  std::vector<Outcome> Apply(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                             bool explain = false, Refused refused = Refused::kParked) const;

 private:
  /// Returns the plan for the tables as they are now, and keeps the tables that the sources touch from being altered until the
  /// transaction ends. Throws postgres::SqlFailure, or Refusal when the mapping does not fit the tables any more.
  std::shared_ptr<const MappingPlan> PlanIn(postgres::Transaction& transaction, const std::vector<Source>& sources,
                                            Instant now) const;
  void Renew(postgres::Transaction& transaction, const MappingPlan& old, bool is_old) const;

  const std::shared_ptr<const mappings::Mapping> mapping_;
  const bool tells_changes_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const MappingPlan> plan_;                  // guarded by mutex_, like the next member
  mutable std::map<std::string, std::set<std::string>> remembered_;  // by relation: columns that the ledger's cells name
};

}  // namespace membridge::sync
