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

/// How a state and a target's ledger stand to one another.
struct LedgerLook {
  enum class Standing {
    kOurs,         ///< they know one another
    kUnclaimed,    ///< no state has written there yet, or none that said so
    kStateOlder,   ///< ours, and it knows claims that this state does not: the state was restored
    kTargetOlder,  ///< ours, and it lacks claims that this state knows: the target was restored
    kUnfinished,   ///< this state began to take it over, and the ledger shows that already
    kForeign,      ///< another state's, or a copy's of this one
  };
  Standing standing = Standing::kOurs;
  std::string ledger;                      ///< its id, a UUID
  std::string known;                       ///< for EnterLedger()
  std::optional<std::string> owner;        ///< id of the state that it names
  std::optional<std::string> incarnation;  ///< that it names
  std::optional<Instant> taken_at;         ///< since when
  std::int64_t ledger_fence = 0;           ///< the highest claim it knows,
  std::int64_t state_fence = 0;            ///< and the last that this state gave
  std::string repair;                      ///< what is still to be done after a takeover: `sweep`, `reproject` or nothing
  std::string message;                     ///< of kForeign: whose it is
};

/// A target's ledger that this state may write to.
struct Admission {
  std::string ledger;
  std::string known;   ///< for EnterLedger()
  std::string repair;  ///< see LedgerLook
};

/// One target of a state. For one thread; the sessions outlive it, and may be to the same database. Functions throw
/// postgres::SqlFailure.
class LedgerTie {
 public:
  /// `target`: its name in the configuration.
  LedgerTie(postgres::Session& state, postgres::Session& there, std::string target)
      : state_(state), there_(there), target_(std::move(target)) {}

  /// How things stand; changes nothing.
  LedgerLook Look();

  /// The same for whoever is about to write. What can be put right by itself is: an unclaimed ledger becomes this state's; a
  /// state that is older than the ledger gets its fences lifted; of a target that is older, nothing counts as applied any more.
  /// Both are told in the log, and Admission::repair says what has to follow. kRefused: the ledger is another state's, and stays
  /// so until Adopt(). kUnavailable: another process is at it at this moment.
  Result<Admission> Admit();

  /// From now on the ledger is this state's, whoever had it before: that one stops, and everything is read at Mem0 again. False:
  /// it was this state's already. kUnavailable as above.
  Result<bool> Adopt();

  /// What was to be done after a takeover is done.
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

/// As an error: whose ledger it is, and what an operator does about it. Precondition: kForeign.
Error ForeignLedger(const std::string& target, const LedgerLook& look);

/// Lets a transaction in that is about to write to a target under claims up to `fence` (0: under none), and keeps others from
/// taking the ledger over until it ends. Throws SqlFailure, of kLedgerChanged when the ledger is not the one of `known` any more.
void EnterLedger(postgres::Transaction& there, const std::string& known, std::int64_t fence = 0);

/// Remembers in the state that claims up to `fence` were committed to a ledger elsewhere.
void NoteEntered(postgres::Transaction& state, const std::string& ledger, std::int64_t fence);

/// Remembers that something was not applied to the target, because its ledger is another state's.
void NoteLeftOut(postgres::Transaction& state, const std::string& target);

}  // namespace membridge::sync
