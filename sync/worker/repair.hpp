#pragma once

#include <string>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// What RepairTarget() works with.
struct RepairTools {
  postgres::Session& state;
  postgres::Session& there;  ///< the target's; may be on the same database
  std::string state_dsn;
  std::string target;
  const MappingSet& mappings;
  Instant now;
};

/// Repairs a target after state or target was restored. Erases again the people whose erasure the restore undid. Marks every
/// memory that mirror or ledger knows dirty, to be read from Mem0 (`sweep`) or from the mirror (`reproject`). The next run of an
/// export asks about its users. Doing it twice is harmless, and after a crash it begins again. Returns false when another process
/// does it now. Throws postgres::SqlFailure.
bool RepairTarget(const RepairTools& tools, const Admission& admission);

}  // namespace membridge::sync
