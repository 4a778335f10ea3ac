#pragma once

#include <string>

#include "mappings/base/result.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// The ledger's `known` for EnterLedger(), for a person who decides something in it. Takes nothing over. kRefused and the like:
/// it is another state's, or nothing was ever written there. Throws SqlFailure.
Result<std::string> KnownLedger(postgres::Session& state, postgres::Session& there, const std::string& target);

}  // namespace membridge::sync
