#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/apply/source.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Makes the target's rows say what one mapping says of the sources given to it, together with everything the ledger knows of all
/// other sources. Immutable; used by several threads at once, each with a transaction of its own.
class Applier {
 public:
  /// The mapping must have passed CheckAgainst(catalog): a table or column that is not there throws std::invalid_argument.
  Applier(std::shared_ptr<const mappings::Mapping> mapping, std::shared_ptr<const mappings::Catalog> catalog);
  ~Applier();

  const mappings::Mapping& Definition() const;

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
  struct Plan;
  std::unique_ptr<const Plan> plan_;
};

}  // namespace membridge::sync
