#pragma once

#include <string>

#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"
#include "sync/targets/ledger_tie.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

/// What a target is repaired with.
struct RepairTools {
  postgres::Session& state;
  postgres::Session& there;  ///< may be the same
  std::string state_dsn;
  std::string target;
  const MappingSet& mappings;
  Instant now;
};

/// What has to follow when state and target were not of one time: people whose erasure a restore undid are erased again, and
/// every memory that mirror or ledger knows is marked, to be read at Mem0 (`sweep`) or from the mirror (`reproject`). Users are
/// asked about by the next run of an export. Done twice it is harmless, and begun again after a crash. False: another process is
/// at it. Throws postgres::SqlFailure.
bool RepairTarget(const RepairTools& tools, const Admission& admission);

}  // namespace membridge::sync
