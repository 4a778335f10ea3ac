#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// SQLSTATE of EnterLedger(): another state took the ledger over, or the target was restored.
inline constexpr const char* kLedgerChanged = "MB002";

/// How a state and a target's ledger relate.
struct LedgerLook {
  enum class Standing {
    kOurs,         ///< each names the other
    kUnclaimed,    ///< no state owns it yet, or it was copied together with this state
    kStateOlder,   ///< ours, but it knows claims that this state does not: the state was restored
    kTargetOlder,  ///< ours, but it lacks claims that this state knows: the target was restored
    kUnfinished,   ///< this state began a takeover that the ledger shows but the state has not finished
    kForeign,      ///< it belongs to another state, or to a copy of this one
  };
  Standing standing = Standing::kOurs;
  std::string ledger;                      ///< its id, a UUID
  std::string known;                       ///< for EnterLedger()
  std::optional<std::string> owner;        ///< id of the state that the ledger names
  std::optional<std::string> incarnation;  ///< the state's incarnation that the ledger names
  std::optional<Instant> taken_at;         ///< since when
  std::int64_t ledger_fence = 0;           ///< the highest claim it knows,
  std::int64_t state_fence = 0;            ///< and the last that this state gave
  std::string repair;                      ///< what remains to do after a takeover: `sweep`, `reproject` or nothing
  std::string message;                     ///< of kForeign: whose it is
};

/// A target's ledger that this state may write to.
struct Admission {
  std::string ledger;
  std::string known;   ///< for EnterLedger()
  std::string repair;  ///< see LedgerLook
};

/// Ties one target's ledger to a state, so that only one state writes to it. For one thread. The sessions outlive it and may be
/// to the same database. Functions throw postgres::SqlFailure.
class LedgerTie {
 public:
  /// `target`: its name in the configuration.
  LedgerTie(postgres::Session& state, postgres::Session& there, std::string target)
      : state_(state), there_(there), target_(std::move(target)) {}

  /// Returns how state and ledger relate. Changes nothing.
  LedgerLook Look();

  /// Call before writing to the target. It repairs what it can: an unclaimed ledger becomes this state's; a state that is older
  /// than the ledger raises its fences; when the target is older, none of its memories count as applied any more. It logs each of
  /// these, and Admission::repair says what must follow. kRefused: the ledger belongs to another state until Adopt().
  /// kUnavailable: another process does the same now; try again.
  Result<Admission> Admit();

  /// Makes the ledger this state's. The state that had it before stops writing to it, and everything is read from Mem0 again.
  /// Returns false when it was this state's already. kUnavailable as above.
  Result<bool> Adopt();

  /// Call when the admission's repair is done.
  void Repaired(const Admission& admission);

 private:
  struct Known;
  LedgerLook LookOnce();
  Known KnownOf(const std::string& ledger);
  static std::string Judge(const Known& known, LedgerLook& look, const std::string& owner_place, bool here);
  Result<Admission> TakeOver(const LedgerLook& look, const std::string& repair);
  Admission Finish(const std::string& incarnation);
  Admission Settle(const LedgerLook& look);
  void Refuse(const LedgerLook& look);
  void Tidy(const std::string& ledger);
  void Tell(const LedgerLook& look) const;

  postgres::Session& state_;
  postgres::Session& there_;
  const std::string target_;
};

/// Returns an error that says whose ledger it is and what an operator can do. Precondition: kForeign.
Error ForeignLedger(const std::string& target, const LedgerLook& look);

/// Call in a transaction before it writes to a target under claims up to `fence` (0: without claims). No other state can take the
/// ledger over until the transaction ends. Throws SqlFailure, with SQLSTATE kLedgerChanged when the ledger is not the one of
/// `known` any more.
void EnterLedger(postgres::Transaction& there, const std::string& known, std::int64_t fence = 0);

/// Remembers in the state that claims up to `fence` were committed to a ledger elsewhere.
void NoteEntered(postgres::Transaction& state, const std::string& ledger, std::int64_t fence);

/// Remembers in the state that something was not applied to the target because its ledger belongs to another state.
void NoteLeftOut(postgres::Transaction& state, const std::string& target);

}  // namespace membridge::sync
