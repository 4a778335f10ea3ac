#include "sync/worker/worker.hpp"

#include <algorithm>
#include <random>

#include "mappings/base/log.hpp"
#include "mappings/base/pause.hpp"
#include "sync/postgres/remedy.hpp"
#include "sync/worker/round.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLongestTurn{50};

milliseconds JitteredBetween(milliseconds base, milliseconds cap, int attempts) {
  thread_local std::mt19937_64 random{std::random_device{}()};
  const double ceiling = std::min(static_cast<double>(cap.count()),
                                  static_cast<double>(base.count()) * static_cast<double>(1LL << std::min(attempts, 20)));
  return milliseconds{static_cast<std::int64_t>(std::uniform_real_distribution{ceiling / 2, ceiling}(random))};
}

/// Thousands that one delivery names, or a person asks for, are read in rounds this small: what arrives meanwhile waits for one.
constexpr int kAskedFor = 1;
constexpr std::size_t kAskedForAtOnce = 50;

}  // namespace

Worker::Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock,
               WorkerCounters& counters, LookAtTables look_at_tables)
    : options_(options),
      state_dsn_(std::move(state_dsn)),
      mappings_(std::move(mappings)),
      clock_(clock),
      counters_(counters),
      look_at_tables_(std::move(look_at_tables)),
      reader_(options.reading, std::move(client_for), counters),
      leases_(state_dsn_, options.lease) {}

Worker::~Worker() = default;

postgres::Session& Worker::State() {
  if (state_ && !state_->Usable()) {
    state_.reset();
    ties_.Forget();
  }
  if (!state_) state_.emplace(state_dsn_, "membridge worker");
  return *state_;
}

postgres::Session& Worker::TargetSession(const std::string& dsn) {
  const auto found = targets_.find(dsn);
  if (found != targets_.end() && found->second.Usable()) return found->second;
  if (found != targets_.end()) {
    targets_.erase(found);
    ties_.Forget();
  }
  return targets_.emplace(dsn, postgres::Session{dsn, "membridge worker"}).first->second;
}

milliseconds Worker::BackOff(int attempts) const {
  return JitteredBetween(options_.retry_base, options_.retry_cap, attempts);
}

/// Short at first: most of those who are in the way are other workers, and gone in a moment.
milliseconds Worker::BlockedBackOff(int attempts) const {
  return JitteredBetween(options_.blocked_base, std::min(options_.blocked_cap, options_.retry_cap), attempts);
}

/// While every project's calls must wait for their turn, what is claimed would only grow old: claimed later, what arrives
/// meanwhile shares the call. Not for long, since what the mirror knows needs no call. False: a stop was requested.
bool Worker::AwaitTurn(const std::stop_token& stop) {
  return Pause(stop, std::min(reader_.NextTurn(), kLongestTurn));
}

std::vector<Claim> Worker::ClaimBatch() {
  postgres::Transaction transaction = State().Begin();
  std::vector<Claim> claims;
  for (const DueBucket& due : Queue::DueBuckets(transaction)) {
    const std::size_t room = due.rank == kAskedFor ? std::min(options_.batch, kAskedForAtOnce) : options_.batch;
    if (claims.size() >= room) break;
    const auto more = Queue::ClaimDue(transaction, due, room - claims.size(), options_.lease);
    claims.insert(claims.end(), more.begin(), more.end());
  }
  transaction.Commit();
  return claims;
}

void Worker::Read(const ProjectId& project, const std::vector<Item*>& items) {
  std::vector<MemoryId> ids;
  for (const Item* item : items) ids.push_back(item->claim.memory);
  std::vector<ReadAnswer> answers = reader_.Read(project, ids, [this] { leases_.Advance(); });
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i]->read = answers[i].kind;
    items[i]->memory = std::move(answers[i].memory);
    items[i]->error = std::move(answers[i].error);
    items[i]->retry_after = answers[i].retry_after;
  }
}

/// What the mirror has of a project must not be written either while the key is another project's.
void Worker::RefuseOtherProjects(std::vector<Item>& items) {
  std::map<ProjectId, std::optional<Error>> refusals;
  for (Item& item : items) {
    auto refusal = refusals.find(item.claim.project);
    if (refusal == refusals.end())
      refusal = refusals.emplace(item.claim.project, reader_.OfOtherProject(item.claim.project)).first;
    if (!refusal->second) continue;
    item.read = Item::Read::kFailed;
    item.error = *refusal->second;
  }
}

void Worker::ReadFromMirror(std::vector<Item>& items) {
  std::vector<Item*> wanted;
  std::vector<Claim> claims;
  for (Item& item : items) {
    if (item.claim.reason != kReproject || item.read != Item::Read::kNotAsked) continue;
    wanted.push_back(&item);
    claims.push_back(item.claim);
  }
  if (claims.empty()) return;
  postgres::Transaction transaction = State().Begin();
  const auto mirrored = Queue::LookUp(transaction, claims);
  transaction.Commit();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!mirrored[i]) continue;  // unknown: Mem0 is asked
    if (mirrored[i]->gone) {
      // What it said is withdrawn once more; whether it is back is not for the mirror to say, nor asked here.
      wanted[i]->read = Item::Read::kAbsent;
      continue;
    }
    if (!mirrored[i]->record) continue;
    if (auto memory = mappings::ReadMemory(*mirrored[i]->record)) {
      wanted[i]->read = Item::Read::kFound;
      wanted[i]->memory = std::move(*memory);
    }
  }
}

/// The leases of a round, renewed until it ends.
struct Worker::HeldLeases {
  HeldLeases(LeaseKeeper& keeper, const std::vector<Item>& items) : leases(keeper) {
    std::vector<Claim> claims;
    for (const Item& item : items) claims.push_back(item.claim);
    leases.Hold(std::move(claims));
  }
  ~HeldLeases() { leases.Release(); }
  HeldLeases(const HeldLeases&) = delete;
  HeldLeases& operator=(const HeldLeases&) = delete;
  LeaseKeeper& leases;
};

Result<std::size_t> Worker::RunOnce(const std::stop_token& stop) {
  std::vector<Item> items;
  try {
    LookAtLedgers();
    RetryParked();
    MarkWoken();
    if (!AwaitTurn(stop)) return std::size_t{0};
    for (Claim& claim : ClaimBatch()) {
      items.emplace_back();
      items.back().claim = std::move(claim);
    }
    if (items.empty()) return std::size_t{0};
    counters_.claimed += items.size();
    const HeldLeases held{leases_, items};
    RefuseOtherProjects(items);
    ReadFromMirror(items);
    std::map<ProjectId, std::vector<Item*>> by_project;
    for (Item& item : items) {
      if (item.read == Item::Read::kNotAsked) by_project[item.claim.project].push_back(&item);
    }
    for (const auto& [project, members] : by_project) Read(project, members);
    std::vector<Item*> all;
    for (Item& item : items) {
      if (item.memory) item.digest = mappings::DigestOf(*item.memory);
      all.push_back(&item);
    }
    BeginContaining();
    Contain(all, [this](const std::vector<Item*>& some, Applier::Refused refused) { Apply(some, refused); });
    MarkWoken();
    return items.size();
  } catch (const postgres::SqlFailure& failure) {
    if (failure.fields().sqlstate == kLedgerChanged) {
      PutBackUnwritten(items);
      return items.size();
    }
    PutBack(items, failure.AsError("apply").message);
    return Fail(ErrorCode::kUnavailable, failure.AsError("worker").message,
                "the bridge tries again by itself; look at the database if this goes on");
  } catch (const std::exception& failure) {
    PutBack(items, "unexpected: " + postgres::SafeWordsOf(failure));
    return Fail(ErrorCode::kUnavailable, "worker: " + postgres::SafeWordsOf(failure), "the bridge tries again by itself");
  }
}

/// After a failure of the database that outlived its retries: the claims come back soon, and not only when their lease ends.
void Worker::PutBack(const std::vector<Item>& items, const std::string& error) {
  if (items.empty()) return;
  try {
    postgres::Transaction transaction = State().Begin();
    std::vector<Claim> claims;
    for (const Item& item : items) claims.push_back(item.claim);
    std::vector<std::pair<Claim, Settlement>> settlements;
    for (const Claim& claim : Queue::StillOurs(transaction, claims))
      settlements.emplace_back(claim, Settlement{Settlement::Kind::kRetry, BackOff(claim.attempts), false, error});
    if (!settlements.empty()) Queue::Settle(transaction, settlements);
    transaction.Commit();
    counters_.retried += items.size();
  } catch (const postgres::SqlFailure& failure) {
    Log(LogLevel::kWarn, "claims_left_to_their_lease", {{"memories", items.size()}, {"sqlstate", failure.fields().sqlstate}});
  }
}

std::optional<milliseconds> Worker::NextDue() {
  try {
    postgres::Transaction transaction = State().Begin();
    const auto next = Queue::NextDue(transaction);
    transaction.Commit();
    return next;
  } catch (const postgres::SqlFailure&) {
    return std::nullopt;
  }
}

}  // namespace membridge::sync
