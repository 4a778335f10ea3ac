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

/// Makes the target's rows say what one mapping says of the sources given to it, together with everything the ledger knows of all
/// other sources. Used by several threads at once, each with a transaction of its own. The tables may be altered meanwhile: it
/// then reads the catalogue again by itself, and the ledger follows (KnownTables).
class Applier {
 public:
  /// The mapping must have passed CheckAgainst(catalog): a table or column that is not there throws std::invalid_argument.
  Applier(std::shared_ptr<const mappings::Mapping> mapping, std::shared_ptr<const mappings::Catalog> catalog);
  ~Applier();

  const mappings::Mapping& Definition() const { return *mapping_; }

  /// What becomes of a source that cannot be applied.
  enum class Refused {
    kParked,  ///< halving finds it; it alone is parked and has changed nothing, the others are applied
    kThrown,  ///< the whole call throws: the caller halves, in transactions of its own, and calls again with what is left
  };

  /// Applies the sources in the caller's transaction: finds or creates their rows, records their claims, settles every cell they
  /// speak for or used to. One outcome per source, in order. With kParked, constraints that wait for the end of the transaction
  /// are asked here, so that they park the source at fault; with kThrown that is left to the caller. Whatever does not let a
  /// source be parked (RemedyFor: somebody in the way, a database that is away) throws postgres::SqlFailure, and the caller
  /// starts over with a new transaction. A source may be given once per call. `explain` fills Outcome::decisions.
  std::vector<Outcome> Apply(postgres::Transaction& transaction, const std::vector<Source>& sources, Instant now,
                             bool explain = false, Refused refused = Refused::kParked) const;

 private:
  /// The plan for the tables as they are; holds those that the sources touch as they are until the transaction ends. Throws
  /// postgres::SqlFailure, or Refusal when the mapping does not fit them any more.
  std::shared_ptr<const MappingPlan> PlanIn(postgres::Transaction& transaction, const std::vector<Source>& sources,
                                            Instant now) const;
  void Renew(postgres::Transaction& transaction, const MappingPlan& old, bool is_old) const;

  const std::shared_ptr<const mappings::Mapping> mapping_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const MappingPlan> plan_;                  // guarded by mutex_, as is what follows
  mutable std::map<std::string, std::set<std::string>> remembered_;  // columns that cells of the ledger stand for, by relation
};

}  // namespace membridge::sync
