#include "sync/worker/containment.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "mappings/base/log.hpp"
#include "sync/postgres/remedy.hpp"
#include "sync/queue/parking.hpp"

namespace membridge::sync {
namespace {

using postgres::Remedy;
using postgres::RemedyFor;
using postgres::SqlFailure;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How often a memory alone may end its backend, run out of memory or use up its time before it is parked.
constexpr int kFatalFailures = 2;

/// The tables are read again at most once in this time, even if many memories ask for it.
constexpr milliseconds kBetweenLooks{5'000};

std::string StateOf(const std::exception& failure) {
  const auto* sql = dynamic_cast<const SqlFailure*>(&failure);
  return sql == nullptr ? std::string{} : sql->fields().sqlstate;
}

/// PostgreSQL's messages about locks of other sessions hold no row values, so they can be shown.
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

Containment::Containment(const WorkerOptions& options, TiedSessions& sessions, LockPatience& patience,
                         LookAtTables look_at_tables, WorkerCounters& counters)
    : options_(options),
      sessions_(sessions),
      patience_(patience),
      look_at_tables_(std::move(look_at_tables)),
      counters_(counters) {}

void Containment::Begin() {
  patience_.Renew();
  began_ = steady_clock::now();
}

void Containment::Contain(const std::vector<WorkItem*>& items, const Attempt& attempt) {
  if (items.empty()) return;
  // A round may use half the lease for lock waits. The remaining memories are put off while their claims are still ours.
  if (steady_clock::now() - began_ > options_.lease / 2) return PutOff(items);
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

void Containment::Divide(const std::vector<WorkItem*>& items, const Attempt& attempt) {
  if (items.size() == 1) return ContainOne(*items.front(), attempt);
  const auto middle = items.begin() + static_cast<std::ptrdiff_t>(items.size() / 2);
  Contain({items.begin(), middle}, attempt);
  Contain({middle, items.end()}, attempt);
}

void Containment::MayGoOn(const std::exception& failure) {
  switch (RemedyFor(failure)) {
    case Remedy::kStandStill:
      throw;
    case Remedy::kProbe:
    case Remedy::kReconnect:
      if (!sessions_.AllAnswer()) throw;
      return;
    case Remedy::kLookAtTables:
      return LookAgainAtTables();
    case Remedy::kPutBack:
      if (StateOf(failure) == "55P03") patience_.Lose();
      return;
    case Remedy::kPark:
      return;
  }
}

void Containment::LookAgainAtTables() {
  const auto now = steady_clock::now();
  if (!look_at_tables_ || now - looked_at_tables_ < kBetweenLooks) return;
  look_at_tables_();
  looked_at_tables_ = steady_clock::now();
}

/// Applies one memory alone. The first failure rolls everything back. Once it is clear that the memory is at fault, each mapping
/// is tried by itself, and only the mappings that refuse it park it.
void Containment::ContainOne(WorkItem& item, const Attempt& attempt) {
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

/// Parks a memory without a mapping, because nothing of it could be committed, not even that a mapping refused it.
void Containment::ParkAlone(WorkItem& item, const std::exception& failure) {
  const Parking parking = ParkingFor(failure);
  Log(LogLevel::kError, "memory_parked",
      {{"project", item.claim.project.Text()},
       {"memory", item.claim.memory.Text()},
       {"sqlstate", parking.sqlstate},
       {"error", postgres::SafeWordsOf(failure)}});
  try {
    postgres::Transaction state = sessions_.State().Begin();
    if (item.listed || !Queue{state}.StillOurs({item.claim}).empty()) {
      Parked{state}.Park(item.claim, parking);
      if (!item.listed) Queue{state}.Settle({{item.claim, Settlement{}}});
    }
    state.Commit();
    item.fate = RecordFate::kParked;
    ++counters_.parked;
  } catch (const SqlFailure& refusal) {
    // Not even this could be written. The memory stays in the queue and waits longer each time.
    MayGoOn(refusal);
    SettleOne(item, {Settlement::Kind::kRetry, options_.RetryIn(std::max(item.claim.attempts, 5)), false, refusal.what()});
  }
}

void Containment::PutBackBlocked(WorkItem& item, const std::exception& failure) {
  if (item.claim.attempts == 0)
    Log(LogLevel::kWarn, "memory_blocked",
        {{"project", item.claim.project.Text()}, {"memory", item.claim.memory.Text()}, {"sqlstate", StateOf(failure)}});
  SettleOne(item, {Settlement::Kind::kBlocked, options_.BlockedFor(item.claim.attempts), false, BlockedWords(failure)});
  ++counters_.blocked;
}

void Containment::PutOff(const std::vector<WorkItem*>& items) {
  for (WorkItem* item : items)
    SettleOne(*item, {Settlement::Kind::kLookAgain, options_.retry_base, item->claim.absent_since.has_value(), {}});
  counters_.retried += items.size();
}

/// Settles one memory's entry in the queue, in a transaction of its own. A record from a list has no entry yet.
void Containment::SettleOne(WorkItem& item, const Settlement& settlement) {
  postgres::Transaction state = sessions_.State().Begin();
  if (item.listed) {
    Queue{state}.Mark(item.claim.project, {item.claim.memory}, "sweep");
    item.fate = RecordFate::kLeft;
  } else if (!Queue{state}.StillOurs({item.claim}).empty()) {
    Queue{state}.Settle({{item.claim, settlement}});
  }
  state.Commit();
}

}  // namespace membridge::sync
