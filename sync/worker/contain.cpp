// The part of Worker that sees to it that a memory fails alone.
#include <algorithm>

#include "mappings/base/log.hpp"
#include "sync/postgres/remedy.hpp"
#include "sync/postgres/timeouts.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {
namespace {

using postgres::Remedy;
using postgres::RemedyFor;
using postgres::SqlFailure;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// lock_timeout for the rest of a batch in which it struck.
constexpr milliseconds kHurriedLock{250};

/// How often a memory alone may end its backend, run out of memory or use up its time before it is parked.
constexpr int kFatalFailures = 2;

/// The tables are read again once in this time at most, however many memories ask for it.
constexpr milliseconds kBetweenLooks{5'000};

std::string StateOf(const std::exception& failure) {
  const auto* sql = dynamic_cast<const SqlFailure*>(&failure);
  return sql == nullptr ? std::string{} : sql->fields().sqlstate;
}

/// Of the failures behind which somebody else stands PostgreSQL's own words hold no values.
std::string BlockedWords(const std::exception& failure) {
  const auto* sql = dynamic_cast<const SqlFailure*>(&failure);
  return sql == nullptr ? std::string{failure.what()} : sql->fields().sqlstate + ": " + sql->fields().message;
}

Parking ParkingFor(const std::exception& failure) {
  Parking parking;
  parking.code = ErrorCode::kRowRejected;
  if (const auto* sql = dynamic_cast<const SqlFailure*>(&failure)) {
    const auto& fields = sql->fields();
    parking.cause = fields.message + (fields.detail.empty() ? "" : " (" + fields.detail + ")");
    parking.hint = fields.hint.empty() ? "the bridge tries again by itself; the server's log has the statement" : fields.hint;
    parking.sqlstate = fields.sqlstate;
  } else {
    parking.cause = std::string{"unexpected: "} + failure.what();
    parking.hint = "the bridge tries again by itself; if it stays, report it with the memory's record";
  }
  return parking;
}

}  // namespace

void Worker::BeginContaining() {
  struck_ = false;
  containing_since_ = steady_clock::now();
}

/// A transaction that waits for locks no longer than this batch still may.
postgres::Transaction Worker::Begin(postgres::Session& session) const {
  postgres::Transaction transaction = session.Begin();
  const milliseconds lock = postgres::TimeoutsInUse().lock;
  if (struck_ && (lock.count() == 0 || lock > kHurriedLock))
    transaction.Run("SET LOCAL lock_timeout TO " + std::to_string(kHurriedLock.count()));
  return transaction;
}

void Worker::Contain(const std::vector<Item*>& items, const Attempt& attempt) {
  if (items.empty()) return;
  // Half the lease is for those that wait for locks; the rest has its turn later, and nobody else takes the claims.
  if (steady_clock::now() - containing_since_ > options_.lease / 2) return PutOff(items);
  if (items.size() == 1) return ContainOne(*items.front(), attempt);
  try {
    attempt(items, Applier::Refused::kThrown);
  } catch (const std::exception& failure) {
    MayGoOn(failure);
    Log(LogLevel::kInfo, "batch_divided",
        {{"memories", items.size()}, {"sqlstate", StateOf(failure)}, {"remedy", NameOf(RemedyFor(failure))}});
    ++counters_.divided;
    Divide(items, attempt);
  }
}

void Worker::Divide(const std::vector<Item*>& items, const Attempt& attempt) {
  if (items.size() == 1) return ContainOne(*items.front(), attempt);
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
  Contain({items.begin(), middle}, attempt);
  Contain({middle, items.end()}, attempt);
}

/// Called inside the handler of a failure: returns when what is left of the batch may go on, and throws the failure on when all
/// have to stop.
void Worker::MayGoOn(const std::exception& failure) {
  switch (RemedyFor(failure)) {
    case Remedy::kStandStill:
      throw;
    case Remedy::kProbe:
    case Remedy::kReconnect:
      if (!Probe()) throw;
      return;
    case Remedy::kLookAtTables:
      return LookAgainAtTables();
    case Remedy::kPutBack:
      struck_ = struck_ || StateOf(failure) == "55P03";
      return;
    case Remedy::kPark:
      return;
  }
}

/// Whether every database that is in use answers.
bool Worker::Probe() {
  try {
    State().Run("SELECT 1");
    std::vector<std::string> dsns;
    for (const auto& [dsn, session] : targets_) dsns.push_back(dsn);
    for (const std::string& dsn : dsns) TargetSession(dsn).Run("SELECT 1");
    return true;
  } catch (const SqlFailure&) {
    return false;
  }
}

void Worker::LookAgainAtTables() {
  const auto now = steady_clock::now();
  if (!look_at_tables_ || now - looked_at_tables_ < kBetweenLooks) return;
  look_at_tables_();
  looked_at_tables_ = steady_clock::now();
}

/// A memory alone. The first time a failure throws everything back; once it is clear that the memory is at fault, each mapping is
/// asked for itself, and only those that refuse it park it.
void Worker::ContainOne(Item& item, const Attempt& attempt) {
  auto refused = Applier::Refused::kThrown;
  int fatal = 0;
  bool reconnected = false;
  while (true) {
    try {
      return attempt({&item}, refused);
    } catch (const std::exception& failure) {
      MayGoOn(failure);
      switch (RemedyFor(failure)) {
        case Remedy::kPark:
        case Remedy::kLookAtTables:
          if (refused == Applier::Refused::kParked) return ParkAlone(item, failure);
          refused = Applier::Refused::kParked;
          break;
        case Remedy::kProbe:
          if (++fatal >= kFatalFailures) return ParkAlone(item, failure);
          break;
        case Remedy::kReconnect:
          if (reconnected) return PutBackBlocked(item, failure);
          reconnected = true;
          break;
        case Remedy::kPutBack:
        case Remedy::kStandStill:
          return PutBackBlocked(item, failure);
      }
    }
  }
}

/// Nothing of the memory could be committed, not even that a mapping refused it: it is parked by itself, without a mapping.
void Worker::ParkAlone(Item& item, const std::exception& failure) {
  const Parking parking = ParkingFor(failure);
  Log(LogLevel::kError, "memory_parked",
      {{"project", item.claim.project.Text()},
       {"memory", item.claim.memory.Text()},
       {"sqlstate", parking.sqlstate},
       {"error", postgres::SafeWordsOf(failure)}});
  try {
    postgres::Transaction state = State().Begin();
    if (item.listed || !Queue::StillOurs(state, {item.claim}).empty()) {
      Queue::Park(state, item.claim, parking);
      if (!item.listed) Queue::Settle(state, {{item.claim, Settlement{}}});
    }
    state.Commit();
    item.fate = Fate::kParked;
    ++counters_.parked;
  } catch (const SqlFailure& refusal) {
    // Not even this can be written of it. It stays in the queue, and waits longer each time.
    MayGoOn(refusal);
    SettleOne(item, {Settlement::Kind::kRetry, BackOff(std::max(item.claim.attempts, 5)), false, refusal.what()});
  }
}

void Worker::PutBackBlocked(Item& item, const std::exception& failure) {
  if (item.claim.attempts == 0)
    Log(LogLevel::kWarn, "memory_blocked",
        {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"sqlstate", StateOf(failure)}});
  SettleOne(item, {Settlement::Kind::kBlocked, BlockedBackOff(item.claim.attempts), false, BlockedWords(failure)});
  ++counters_.blocked;
}

/// There was no time left for these: as if they had not been claimed.
void Worker::PutOff(const std::vector<Item*>& items) {
  for (Item* item : items)
    SettleOne(*item, {Settlement::Kind::kLookAgain, options_.retry_base, item->claim.absent_since.has_value(), {}});
  counters_.retried += items.size();
}

/// One memory's entry in the queue, in a transaction of its own. What a list brought has none yet.
void Worker::SettleOne(Item& item, const Settlement& settlement) {
  postgres::Transaction state = State().Begin();
  if (item.listed) {
    Queue::Mark(state, item.claim.project, {item.claim.memory}, "sweep");
    item.fate = Fate::kLeft;
  } else if (!Queue::StillOurs(state, {item.claim}).empty()) {
    Queue::Settle(state, {{item.claim, settlement}});
  }
  state.Commit();
}

}  // namespace membridge::sync
