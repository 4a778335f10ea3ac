#pragma once

#include <string>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Returns the ledger's `known` for EnterLedger(), so that a person's decision can be written to it. Does not take it over.
/// kRefused: it belongs to another state. kNotFound: nothing was ever written there. kUnavailable: a restore was not repaired
/// yet; try again. Throws SqlFailure.
Result<std::string> KnownLedger(postgres::Session& state, postgres::Session& there, const std::string& target);

}  // namespace membridge::sync
