#include "sync/targets/ledger_tie.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "mappings/base/log.hpp"
#include "sync/postgres/column.hpp"
#include "sync/postgres/lease.hpp"
#include "sync/targets/kept_out.hpp"

namespace membridge::sync {
namespace {

using postgres::Rows;
using postgres::Transaction;
using Standing = LedgerLook::Standing;

constexpr std::chrono::seconds kTakeoverLease{60};
constexpr std::int64_t kManyFences = 1000;

constexpr const char* kKnown = R"(
    SELECT i.id::text, membridge.whereabouts(), t.ledger::text, t.refused_since IS NOT NULL,
           l.incarnation::text, l.next_incarnation::text, l.former::text, coalesce(l.repair, ''), l.exchanged_at::text,
           (SELECT max(fence) FROM membridge.ledger_fences f WHERE f.ledger = $2::uuid),
           (SELECT count(*) FROM membridge.ledger_fences f WHERE f.ledger = $2::uuid),
           greatest((SELECT max(erased_at) FROM membridge.suppressions), (SELECT max(lifted_at) FROM membridge.lifted_suppressions))::text
    FROM membridge.state_identity i
    LEFT JOIN membridge.targets t ON t.target = $1
    LEFT JOIN membridge.ledgers l ON l.ledger = $2::uuid)";
constexpr const char* kLedger = R"(
    SELECT b.ledger::text, b.state::text, b.state_place, b.incarnation::text, b.taken_at,
           pg_catalog.concat_ws(' ', b.incarnation, b.tableoid, b.xmin), membridge.ledger_place(),
           coalesce((SELECT pg_catalog.max(fence) FROM membridge.fences), 0), (SELECT pg_catalog.count(*) FROM membridge.fences)
    FROM membridge.belonging b)";
// A sequence that gave no number yet counts as before its first.
constexpr const char* kLastFence = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM membridge.fence";
constexpr const char* kBegin = R"(
    INSERT INTO membridge.ledgers AS l (ledger, next_incarnation, repair) VALUES ($1::uuid, $2::uuid, $3)
    ON CONFLICT (ledger) DO UPDATE SET next_incarnation = excluded.next_incarnation,
        repair = CASE WHEN 'sweep' IN (l.repair, excluded.repair) THEN 'sweep' ELSE coalesce(nullif(excluded.repair, ''), l.repair) END)";
constexpr const char* kShutOut = "SELECT pg_catalog.pg_advisory_xact_lock(x'6c6564676572'::bigint)";
constexpr const char* kTake = R"(
    UPDATE membridge.belonging SET state = $1::uuid, state_place = $2, incarnation = $3::uuid, taken_at = pg_catalog.clock_timestamp()
    WHERE state IS NOT DISTINCT FROM $4::uuid AND incarnation IS NOT DISTINCT FROM $5::uuid)";
constexpr const char* kLift =
    "SELECT setval('membridge.fence', $1::bigint) FROM membridge.fence WHERE last_value < $1::bigint OR NOT is_called";
constexpr const char* kEnd = R"(
    UPDATE membridge.ledgers SET
        former = CASE WHEN incarnation IS NULL OR incarnation = ANY (former) THEN former ELSE former || incarnation END,
        incarnation = $2::uuid, next_incarnation = NULL, exchanged_at = coalesce($3::timestamptz, exchanged_at),
        taken_at = clock_timestamp()
    WHERE ledger = $1::uuid)";
constexpr const char* kPointAt = R"(
    INSERT INTO membridge.targets AS t (target, ledger) VALUES ($1, $2::uuid)
    ON CONFLICT (target) DO UPDATE SET ledger = excluded.ledger, refused_since = NULL)";
constexpr const char* kTidyState = R"(
    DELETE FROM membridge.ledger_fences WHERE ledger = $1::uuid
        AND fence < (SELECT max(fence) FROM membridge.ledger_fences WHERE ledger = $1::uuid))";
constexpr const char* kTidyLedger = R"(
    DELETE FROM membridge.fences WHERE ctid = ANY (ARRAY(
        SELECT f.ctid FROM membridge.fences f
        WHERE f.fence < (SELECT pg_catalog.max(fence) FROM membridge.fences) FOR UPDATE SKIP LOCKED)))";

bool IsAmong(const std::string& array, const std::string& uuid) {
  return array.find(uuid) != std::string::npos;
}

}  // namespace

/// What the state knows of a ledger and of its target.
struct LedgerTie::Known {
  std::string state, place;
  std::optional<std::string> pointed_at;  // the ledger that the target had when last used
  bool left_out = false;                  // something was not applied there
  std::optional<std::string> incarnation, next;
  std::string former;
  std::string repair;
  std::optional<std::string> exchanged_at;
  std::int64_t fence = 0;   // the highest that was committed there
  std::int64_t fences = 0;  // how many stand for it
  std::optional<std::string> suppressed_at;
};

LedgerTie::Known LedgerTie::KnownOf(const std::string& ledger) {
  const Rows rows = state_.Run(kKnown, {target_, ledger});
  Known known;
  known.state = rows.Text(0, 0);
  known.place = rows.Text(0, 1);
  known.pointed_at = rows.Optional(0, 2);
  known.left_out = rows.Bool(0, 3);
  known.incarnation = rows.Optional(0, 4);
  known.next = rows.Optional(0, 5);
  known.former = rows.Text(0, 6);
  known.repair = rows.Text(0, 7);
  known.exchanged_at = rows.Optional(0, 8);
  if (!rows.IsNull(0, 9)) known.fence = rows.Int(0, 9);
  known.fences = rows.Int(0, 10);
  known.suppressed_at = rows.Optional(0, 11);
  return known;
}

LedgerLook LedgerTie::Look() {
  LedgerLook look = LookOnce();
  // Another process of this state may have taken the ledger over after this look read the state and before it read the ledger.
  // The next look then reads both after the takeover.
  while (look.standing == Standing::kForeign) {
    LedgerLook next = LookOnce();
    const bool lasts = next.known == look.known;
    look = std::move(next);
    if (lasts) break;
  }
  return look;
}

LedgerLook LedgerTie::LookOnce() {
  // A worker gets its claim from the state, commits to the ledger, and then notes the fence in the state. So this reads in the
  // opposite order: first the noted fence, then the ledger, then the last fence that was given. In any other order a running
  // worker would look like a restore.
  const std::string ledger{there_.Run("SELECT ledger::text FROM membridge.belonging").Text(0, 0)};
  const Known known = KnownOf(ledger);
  const Rows rows = there_.Run(kLedger);
  LedgerLook look;
  look.ledger = rows.Text(0, 0);
  look.owner = rows.Optional(0, 1);
  look.incarnation = rows.Optional(0, 3);
  look.taken_at = postgres::OptionalTimeAt(rows, 0, 4);
  look.known = rows.Text(0, 5);
  look.ledger_fence = rows.Int(0, 7);
  look.state_fence = state_.Run(kLastFence).Int(0, 0);
  look.repair = known.repair;
  look.message = Judge(known, look, std::string{rows.Text(0, 2)}, rows.Text(0, 6) == known.place);
  return look;
}

/// Decides how state and ledger relate. Returns whose the ledger is when it is foreign.
std::string LedgerTie::Judge(const Known& known, LedgerLook& look, const std::string& owner_place, bool here) {
  const auto foreign = [&](std::string whose) {
    look.standing = Standing::kForeign;
    return whose;
  };
  if (!look.owner) {
    look.standing = Standing::kUnclaimed;
    if (look.ledger_fence <= look.state_fence) return {};
    return foreign("was written by a newer state than this one");
  }
  // When state and ledger are in one database, a copy has both.
  const bool moved = *look.owner == known.state && owner_place != known.place;
  if (*look.owner != known.state) return foreign("belongs to another state, " + *look.owner);
  if (moved && !here) return foreign("belongs to the state of which this one is a copy");
  if (look.incarnation == known.incarnation) {
    const bool lost = !here && known.fence > look.ledger_fence;
    look.standing = lost                                   ? Standing::kTargetOlder
                    : look.ledger_fence > look.state_fence ? Standing::kStateOlder
                    : moved                                ? Standing::kUnclaimed
                                                           : Standing::kOurs;
    return {};
  }
  if (look.incarnation == known.next) {
    look.standing = Standing::kUnfinished;
  } else if (IsAmong(known.former, look.incarnation.value_or("none"))) {
    look.standing = Standing::kTargetOlder;
  } else if (!known.incarnation) {
    look.standing = Standing::kStateOlder;
  } else {
    return foreign("was taken over by a clone of this state, or after the backup that this state was restored from");
  }
  return {};
}

Error ForeignLedger(const std::string& target, const LedgerLook& look) {
  return {ErrorCode::kRefused,
          fmt::format("the ledger of target {} {}{}; nothing is written there", target, look.message,
                      look.taken_at ? " (since " + FormatRfc3339(*look.taken_at) + ")" : ""),
          fmt::format(
              "stop the other bridge or restore the right database; if this state is to go on, run membridge targets adopt {}",
              target)};
}

Result<Admission> LedgerTie::Admit() {
  const LedgerLook look = Look();
  switch (look.standing) {
    case Standing::kForeign:
      Refuse(look);
      return tl::unexpected<Error>(ForeignLedger(target_, look));
    case Standing::kOurs:
      return Settle(look);
    case Standing::kUnfinished:
      return Finish(*look.incarnation);
    case Standing::kUnclaimed:
      return TakeOver(look, "");
    case Standing::kStateOlder:
      return TakeOver(look, "sweep");
    case Standing::kTargetOlder:
      return TakeOver(look, "reproject");
  }
  return Settle(look);
}

Result<bool> LedgerTie::Adopt() {
  const LedgerLook look = Look();
  const bool foreign = look.standing == Standing::kForeign;
  const auto admitted = foreign ? TakeOver(look, "sweep") : Admit();
  if (!admitted) return tl::unexpected<Error>(admitted.error());
  return foreign;
}

/// Takes the ledger over in three steps: notes in the state what is coming, writes to the ledger, notes in the state that it is
/// done. A process may die after any of them; another one then finishes.
Result<Admission> LedgerTie::TakeOver(const LedgerLook& look, const std::string& repair) {
  const auto lease = Lease::Take(state_, "ledger " + look.ledger, kTakeoverLease);
  const Error busy{ErrorCode::kUnavailable, "the ledger of target " + target_ + " is being taken over by another process",
                   "the bridge tries again by itself"};
  if (!lease) return tl::unexpected<Error>(busy);
  // Another session may have taken it over between the look and the lease. A second takeover would shut out the sessions that the
  // first one admitted.
  const LedgerLook now = Look();
  if (now.standing == Standing::kOurs) return Settle(now);
  if (now.standing != look.standing || now.incarnation != look.incarnation) return tl::unexpected<Error>(busy);
  const Known known = KnownOf(look.ledger);
  const KeptOut kept = KeptOut::OfState(state_, std::nullopt);
  // The target is another database than before, so everything was applied to the old one only.
  const bool replaced = known.pointed_at && *known.pointed_at != look.ledger;
  const std::string needed = repair.empty() && (replaced || known.left_out) ? "reproject" : repair;
  const std::string incarnation{state_.Run("SELECT gen_random_uuid()::text").Text(0, 0)};
  state_.Run(kBegin, {look.ledger, incarnation, needed});
  {
    Transaction there = there_.Begin();
    there.Run("SET LOCAL lock_timeout TO '30s'");
    there.Run(kShutOut);
    if (there.Run(kTake, {known.state, known.place, incarnation, look.owner, look.incarnation}).Affected() == 0)
      return tl::unexpected<Error>(busy);
    kept.TellLedger(there);
    there.Commit();
  }
  Tell(look);
  return Finish(incarnation);
}

/// The last step of a takeover. Also finishes one that another process left unfinished.
Admission LedgerTie::Finish(const std::string& incarnation) {
  const KeptOut kept = KeptOut::OfLedger(there_);
  const Rows ledger = there_.Run(kLedger);
  const std::string id{ledger.Text(0, 0)};
  const std::string fence{ledger.Text(0, 7)};
  const Known known = KnownOf(id);
  const bool elsewhere = ledger.Text(0, 6) != known.place;
  Transaction state = state_.Begin();
  if (ledger.Int(0, 7) > 0) state.Run(kLift, {fence});
  kept.TellState(state);
  state.Run(kEnd, {id, incarnation, known.suppressed_at});
  state.Run("DELETE FROM membridge.ledger_fences WHERE ledger = $1::uuid", {id});
  if (elsewhere && ledger.Int(0, 7) > 0)
    state.Run("INSERT INTO membridge.ledger_fences (ledger, fence) VALUES ($1::uuid, $2::bigint)", {id, fence});
  state.Run(kPointAt, {target_, id});
  const std::string repair{state.Run("SELECT repair FROM membridge.ledgers WHERE ledger = $1::uuid", {id}).Text(0, 0)};
  state.Commit();
  return {id, std::string{ledger.Text(0, 5)}, repair};
}

/// Call for a ledger that is ours. Tells it new suppressions, and asks for a reproject when something was left out.
Admission LedgerTie::Settle(const LedgerLook& look) {
  const Known known = KnownOf(look.ledger);
  Admission admission{look.ledger, look.known, known.repair};
  if (known.pointed_at != look.ledger || known.left_out) {
    Transaction state = state_.Begin();
    if (known.pointed_at && admission.repair.empty()) {
      admission.repair = "reproject";
      state.Run("UPDATE membridge.ledgers SET repair = 'reproject' WHERE ledger = $1::uuid AND repair = ''", {look.ledger});
    }
    state.Run(kPointAt, {target_, look.ledger});
    state.Commit();
  }
  if (known.suppressed_at && known.suppressed_at != known.exchanged_at) {
    const KeptOut kept = KeptOut::OfState(state_, known.exchanged_at);
    Transaction there = there_.Begin();
    EnterLedger(there, look.known);
    kept.TellLedger(there);
    there.Commit();
    state_.Run("UPDATE membridge.ledgers SET exchanged_at = $2::timestamptz WHERE ledger = $1::uuid",
               {look.ledger, known.suppressed_at});
  }
  if (known.fences > kManyFences) state_.Run(kTidyState, {look.ledger});
  if (there_.Run("SELECT pg_catalog.count(*) FROM membridge.fences").Int(0, 0) > kManyFences) there_.Run(kTidyLedger);
  return admission;
}

void LedgerTie::Refuse(const LedgerLook& look) {
  const Rows refused = state_.Run(R"(
      INSERT INTO membridge.targets AS t (target, refused_since) VALUES ($1, clock_timestamp())
      ON CONFLICT (target) DO UPDATE SET refused_since = excluded.refused_since WHERE t.refused_since IS NULL RETURNING 1)",
                                  {target_});
  if (refused.empty()) return;
  const Error error = ForeignLedger(target_, look);
  Log(LogLevel::kError, "ledger_of_another_state", {{"target", target_}, {"error", error.message}, {"hint", error.hint}});
}

void LedgerTie::Tell(const LedgerLook& look) const {
  switch (look.standing) {
    case Standing::kStateOlder:
      return Log(LogLevel::kWarn, "state_was_restored",
                 {{"target", target_},
                  {"state_fence", look.state_fence},
                  {"ledger_fence", look.ledger_fence},
                  {"next", "the fences were lifted; every memory is read again"}});
    case Standing::kTargetOlder:
      return Log(LogLevel::kWarn, "target_was_restored",
                 {{"target", target_},
                  {"ledger_fence", look.ledger_fence},
                  {"next", "nothing counts as applied any more; the mirror is applied again"}});
    case Standing::kForeign:
      return Log(LogLevel::kInfo, "ledger_adopted", {{"target", target_}, {"before", look.message}});
    case Standing::kUnclaimed:
      return Log(LogLevel::kInfo, "ledger_claimed", {{"target", target_}});
    case Standing::kOurs:
    case Standing::kUnfinished:
      return;
  }
}

void LedgerTie::Repaired(const Admission& admission) {
  // Has no effect when the ledger was taken over again since the admission.
  state_.Run("UPDATE membridge.ledgers SET repair = '' WHERE ledger = $1::uuid AND incarnation::text = split_part($2, ' ', 1)",
             {admission.ledger, admission.known});
}

void EnterLedger(Transaction& there, const std::string& known, std::int64_t fence) {
  there.Run("SELECT membridge.enter_ledger($1, $2::bigint)", {known, std::to_string(fence)});
}

void NoteEntered(Transaction& state, const std::string& ledger, std::int64_t fence) {
  state.Run("INSERT INTO membridge.ledger_fences (ledger, fence) VALUES ($1::uuid, $2::bigint)", {ledger, std::to_string(fence)});
}

void NoteLeftOut(Transaction& state, const std::string& target) {
  state.Run("UPDATE membridge.targets SET refused_since = clock_timestamp() WHERE target = $1 AND refused_since IS NULL",
            {target});
}

}  // namespace membridge::sync
