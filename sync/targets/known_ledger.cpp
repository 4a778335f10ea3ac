#include "sync/targets/known_ledger.hpp"

#include "sync/targets/ledger_tie.hpp"

namespace membridge::sync {

Result<std::string> KnownLedger(postgres::Session& state, postgres::Session& there, const std::string& target) {
  const LedgerLook look = LedgerTie{state, there, target}.Look();
  switch (look.standing) {
    case LedgerLook::Standing::kOurs:
      return look.known;
    case LedgerLook::Standing::kForeign:
      return tl::unexpected<Error>(ForeignLedger(target, look));
    case LedgerLook::Standing::kUnclaimed:
      return Fail(ErrorCode::kNotFound, "nothing was ever written to target " + target,
                  "it can be decided once a memory was applied there");
    default:
      return Fail(ErrorCode::kUnavailable, "the ledger of target " + target + " and the state are not of one time",
                  "membridge serve puts that right by itself; try again then");
  }
}

}  // namespace membridge::sync
