#pragma once

#include <memory>
#include <string>
#include <vector>

#include "mappings/base/time.hpp"
#include "mappings/check/catalog.hpp"
#include "mappings/mapping.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The result of one case under `tests:` of a mapping.
struct CaseResult {
  std::string name;
  mappings::Place place;  ///< of the case; of the failing step when it failed
  bool passed = false;
  std::string failure;  ///< what differs, and the plan of the step before; quotes row values, which come from the mapping file
};

/// Runs the mapping's own cases (mappings/README.md, Tests) on a real database, each in a transaction that is rolled back. The
/// mapping must have passed the checks against `catalog`. Only sequences keep their new values. Throws postgres::SqlFailure only
/// when the connection breaks.
std::vector<CaseResult> RunCases(postgres::Session& session, const std::shared_ptr<const mappings::Mapping>& mapping,
                                 const std::shared_ptr<const mappings::Catalog>& catalog, Instant now);

}  // namespace membridge::sync
