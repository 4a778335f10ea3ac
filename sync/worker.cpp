#include "sync/worker.hpp"

#include <algorithm>
#include <list>
#include <random>
#include <set>

#include "sync/log.hpp"
#include "sync/worker_parts.hpp"

namespace membridge::sync {
namespace {

using std::chrono::milliseconds;

/// After so many failed single reads in a row a round asks Mem0 for nothing more.
constexpr int kFailuresInARow = 3;

constexpr std::string_view kReproject = "reproject";

milliseconds Since(Instant from, Instant to) { return std::chrono::floor<milliseconds>(to - from); }

}  // namespace

Worker::Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock, WorkerCounters& counters)
    : options_(options),
      state_dsn_(std::move(state_dsn)),
      mappings_(std::move(mappings)),
      client_for_(std::move(client_for)),
      clock_(clock),
      counters_(counters) {}

Worker::~Worker() = default;

postgres::Session& Worker::State() {
  if (state_ && !state_->Usable()) state_.reset();
  if (!state_) state_.emplace(state_dsn_, "membridge worker");
  return *state_;
}

postgres::Session& Worker::TargetSession(const std::string& dsn) {
  const auto found = targets_.find(dsn);
  if (found != targets_.end() && found->second.Usable()) return found->second;
  if (found != targets_.end()) targets_.erase(found);
  return targets_.emplace(dsn, postgres::Session{dsn, "membridge worker"}).first->second;
}

mem0::Client& Worker::ClientOf(const ProjectId& project) {
  std::unique_ptr<mem0::Client>& client = clients_[project];
  if (!client) client = client_for_(project);
  return *client;
}

milliseconds Worker::BackOff(int attempts) const {
  thread_local std::mt19937_64 random{std::random_device{}()};
  const double ceiling = std::min(static_cast<double>(options_.retry_cap.count()),
                                  static_cast<double>(options_.retry_base.count()) * static_cast<double>(1LL << std::min(attempts, 20)));
  return milliseconds{static_cast<std::int64_t>(std::uniform_real_distribution{ceiling / 2, ceiling}(random))};
}

std::vector<Claim> Worker::ClaimBatch() {
  postgres::Transaction transaction = State().Begin();
  std::vector<Claim> claims;
  for (const int bucket : Queue::DueBuckets(transaction)) {
    if (claims.size() >= options_.batch) break;
    const auto more = Queue::ClaimDue(transaction, bucket, options_.batch - claims.size(), options_.lease);
    claims.insert(claims.end(), more.begin(), more.end());
  }
  transaction.Commit();
  return claims;
}

void Worker::ReadSingly(mem0::Client& client, Item& item) {
  ++counters_.single_reads;
  auto answer = client.ReadOne(item.claim.memory);
  if (answer) {
    item.read = Item::Read::kFound;
    item.memory = std::move(*answer);
    return;
  }
  item.error = answer.error();
  switch (answer.error().code) {
    case ErrorCode::kNotFound: item.read = Item::Read::kAbsent; return;
    case ErrorCode::kRefused: item.read = Item::Read::kNotAnId; return;
    case ErrorCode::kRowRejected: item.read = Item::Read::kUnreadable; return;
    default: item.read = Item::Read::kFailed; item.retry_after = client.RetryAfter();
  }
}

/// One list call for all that look like ids; single reads for what it leaves open.
void Worker::Read(const ProjectId& project, const std::vector<Item*>& items) {
  mem0::Client& client = ClientOf(project);
  std::vector<MemoryId> ids;
  std::map<std::string, Item*> by_id;
  for (Item* item : items) {
    if (!mem0::LooksLikeUuid(item->claim.memory.Text())) continue;
    ids.push_back(item->claim.memory);
    by_id[item->claim.memory.Text()] = item;
  }
  if (ids.size() > 1) {
    ++counters_.list_reads;
    auto answer = client.ReadMany(ids);
    if (!answer && answer.error().code != ErrorCode::kRefused) {
      for (Item* item : items) {
        item->read = Item::Read::kFailed;
        item->error = answer.error();
        item->retry_after = client.RetryAfter();
      }
      return;
    }
    if (answer) {
      for (mappings::Memory& memory : *answer) {
        const auto asked = by_id.find(memory.id.Text());
        if (asked == by_id.end()) continue;
        asked->second->read = Item::Read::kFound;
        asked->second->memory = std::move(memory);
      }
    }
  }
  int failures = 0;
  for (Item* item : items) {
    if (item->read != Item::Read::kNotYet) continue;
    // Mem0 is in trouble: asking for the others one by one would only add to it. They come back as they were.
    if (failures == kFailuresInARow) break;
    ReadSingly(client, *item);
    failures = item->read == Item::Read::kFailed ? failures + 1 : 0;
  }
}

void Worker::ReadFromMirror(std::vector<Item>& items) {
  std::vector<Item*> wanted;
  std::vector<Claim> claims;
  for (Item& item : items) {
    if (item.claim.reason != kReproject) continue;
    wanted.push_back(&item);
    claims.push_back(item.claim);
  }
  if (claims.empty()) return;
  postgres::Transaction transaction = State().Begin();
  const auto mirrored = Queue::LookUp(transaction, claims);
  transaction.Commit();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (!mirrored[i] || !mirrored[i]->record) continue;  // unknown or gone: Mem0 is asked
    if (auto memory = mappings::ReadMemory(*mirrored[i]->record)) {
      wanted[i]->read = Item::Read::kFound;
      wanted[i]->memory = std::move(*memory);
    }
  }
}

Result<std::size_t> Worker::RunOnce() {
  std::vector<Item> items;
  try {
    for (Claim& claim : ClaimBatch()) {
      items.emplace_back();
      items.back().claim = std::move(claim);
    }
    if (items.empty()) return std::size_t{0};
    counters_.claimed += items.size();
    ReadFromMirror(items);
    std::map<ProjectId, std::vector<Item*>> by_project;
    for (Item& item : items) {
      if (item.read == Item::Read::kNotYet) by_project[item.claim.project].push_back(&item);
    }
    for (const auto& [project, members] : by_project) Read(project, members);
    for (Item& item : items) {
      if (item.memory) item.digest = mappings::DigestOf(*item.memory);
    }
    for (int attempt = 1;; ++attempt) {
      try {
        Apply(items);
        break;
      } catch (const postgres::SqlFailure& failure) {
        // A transaction of several memories can lose a deadlock to another worker's or to the application's own; it is done again.
        if (!failure.IsTransient() || attempt == kTries) throw;
        Log(LogLevel::kWarn, "apply_repeated", {{"sqlstate", failure.fields().sqlstate}, {"attempt", attempt}, {"memories", items.size()}});
      }
    }
    return items.size();
  } catch (const postgres::SqlFailure& failure) {
    PutBack(items, failure.AsError("apply").message);
    return Fail(ErrorCode::kUnavailable, failure.AsError("worker").message, "the bridge tries again by itself; look at the database if this goes on");
  }
}

Worker::Batch Worker::Open() {
  Batch batch{State().Begin()};
  batch.mappings = mappings_();
  batch.now = clock_.Now();
  return batch;
}

void Worker::Apply(std::vector<Item>& items) {
  Batch batch = Open();
  std::vector<Claim> claims;
  for (const Item& item : items) claims.push_back(item.claim);
  std::set<std::int64_t> fences;
  for (const Claim& claim : Queue::StillOurs(batch.state, claims)) fences.insert(claim.fence);
  std::vector<Item*> ours;
  for (Item& item : items) {
    item.reading.reset();
    if (fences.contains(item.claim.fence)) {
      ours.push_back(&item);
    } else {
      ++batch.late;
    }
  }
  Conclude(batch, ours, {});
}

/// Applies what the batch holds the locks of, and commits: rows, ledger, mirror, queue, and what `also` adds.
void Worker::Conclude(Batch& batch, const std::vector<Item*>& items, const std::function<void()>& also) {
  std::map<ProjectId, std::vector<Item*>> by_project;
  for (Item* item : items) by_project[item->claim.project].push_back(item);
  std::vector<std::pair<Claim, Settlement>> settlements;
  std::vector<std::pair<Claim, Reading>> readings;
  for (const auto& [project, members] : by_project) {
    ApplyProject(batch, project, members);
    for (const Item* item : members) {
      settlements.emplace_back(item->claim, item->settlement);
      if (item->reading) readings.emplace_back(item->claim, *item->reading);
    }
  }
  if (!readings.empty()) Queue::Mirror(batch.state, readings);
  if (!settlements.empty()) Queue::Settle(batch.state, settlements);
  if (also) also();
  // Elsewhere first: what is committed there and not here is done again and finds nothing to do.
  for (auto& [dsn, transaction] : batch.elsewhere) transaction.Commit();
  batch.state.Commit();

  counters_.applied += batch.applied;
  counters_.unchanged += batch.unchanged;
  counters_.withdrawn += batch.withdrawn;
  counters_.parked += batch.parked;
  counters_.late += batch.late;
  counters_.retried += batch.retried;
  if (batch.newest_mark) counters_.lag_microseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, (clock_.Now() - *batch.newest_mark).count()));
}

void Worker::ApplyProject(Batch& batch, const ProjectId& project, const std::vector<Item*>& items) {
  const auto found = batch.mappings->projects.find(project);
  static const MappingSet::Project kNone;
  const MappingSet::Project& mapped = found == batch.mappings->projects.end() ? kNone : found->second;
  std::vector<Claim> claims;
  for (const Item* item : items) claims.push_back(item->claim);
  const auto mirrored = Queue::LookUp(batch.state, claims);
  const Day today = std::chrono::floor<std::chrono::days>(batch.now);

  std::vector<Item*> applying;
  std::vector<Source> sources;
  for (std::size_t i = 0; i < items.size(); ++i) {
    Item& item = *items[i];
    const milliseconds age = Since(item.claim.marked_at, item.claim.claimed_at);
    const bool is_final = age >= options_.read_lag || item.claim.reason == kReproject || item.listed;
    const Settlement look_again{Settlement::Kind::kLookAgain, std::max(milliseconds{1}, options_.read_lag - age), false, {}};
    item.settlement = is_final ? Settlement{} : look_again;
    const bool was_gone = mirrored[i] && mirrored[i]->gone;

    if (item.read == Item::Read::kNotYet) {
      // It was never asked for: that is no attempt of its own.
      item.settlement = {Settlement::Kind::kLookAgain, options_.retry_base, item.claim.absent_since.has_value(), {}};
      ++batch.retried;
      continue;
    }
    if (item.read == Item::Read::kFailed) {
      item.settlement = {Settlement::Kind::kRetry, std::max(BackOff(item.claim.attempts), item.retry_after.value_or(milliseconds{0})), false, item.error.message};
      ++batch.retried;
      continue;
    }
    if (item.read == Item::Read::kUnreadable) {
      // Mem0 has it, and what it answers cannot be read: nothing is changed until it can.
      Queue::Park(batch.state, item.claim, {"", item.error.code, item.error.message, item.error.hint, "", ""});
      Log(LogLevel::kError, "memory_parked", {{"project", project.Text()}, {"memory", item.claim.memory.Text()}, {"code", NameOf(item.error.code)}});
      item.settlement = Settlement{};
      ++batch.parked;
      continue;
    }
    if (item.read == Item::Read::kNotAnId) {
      // Mem0 says it is no id at all: there never was such a memory, so there is nothing to do and nothing to remember.
      item.settlement = Settlement{};
      ++batch.unchanged;
      continue;
    }
    Source source;
    source.project = project;
    source.id = item.claim.memory.Text();
    source.fence = item.claim.fence;
    if (item.read == Item::Read::kAbsent) {
      if (was_gone) {
        ++batch.unchanged;
        if (!is_final) item.settlement.absent = true;
        continue;
      }
      const bool seen_before = item.claim.absent_since && Since(*item.claim.absent_since, item.claim.claimed_at) >= options_.read_lag;
      if (!is_final || !seen_before) {
        item.settlement = {Settlement::Kind::kLookAgain, std::max(options_.read_lag, options_.read_lag - age), true, {}};
        continue;
      }
      source.stamp = mirrored[i] && mirrored[i]->updated_at ? *mirrored[i]->updated_at : batch.now;
      source.speaks = false;
      source.gone = true;
      item.reading = Reading{std::nullopt, "", "", false};
      ++batch.withdrawn;
    } else {
      if (mirrored[i] && mirrored[i]->record && mirrored[i]->digest == item.digest && mirrored[i]->record->contains("lifecycle_state") &&
          !item.memory->record.contains("lifecycle_state")) {
        // A list does not say whether a memory was merged away; a single read said so, and nothing has changed since.
        if (auto told = mappings::ReadMemory(*mirrored[i]->record)) item.memory = std::move(*told);
      }
      const mappings::Memory& memory = *item.memory;
      const bool older = mirrored[i] && mirrored[i]->updated_at && *mirrored[i]->updated_at > memory.updated_at;
      if (item.listed && mirrored[i]) {
        // Which of two different records of one moment is the newer cannot be told by looking, nor whether what was deleted is back.
        const bool same = !was_gone && mirrored[i]->digest == item.digest;
        const bool newer = !was_gone && (!mirrored[i]->updated_at || *mirrored[i]->updated_at < memory.updated_at);
        item.fate = same ? Fate::kSame : newer ? Fate::kUpdated : Fate::kLeft;
        if (item.fate == Fate::kLeft) {
          item.settlement = {Settlement::Kind::kLookAgain, milliseconds{0}, false, {}};
          continue;
        }
      } else if (item.listed) {
        item.fate = Fate::kAdded;
      }
      // A replica that lags behind what was seen before, or behind a deletion: believed only when it is final.
      if (!is_final && (older || was_gone)) continue;
      const bool live = memory.IsLive(today);
      const std::string applied = item.digest + (live ? ":live:" : ":dead:") + mapped.digest;
      item.reading = Reading{memory, item.digest, applied, memory.expires_on && *memory.expires_on < today};
      if (mirrored[i] && !was_gone && mirrored[i]->applied == applied && item.claim.reason != "manual") {
        ++batch.unchanged;
        continue;
      }
      source.stamp = memory.updated_at;
      source.speaks = live;
      source.names["memory"] = memory.record;
    }
    applying.push_back(&item);
    sources.push_back(std::move(source));
  }
  if (sources.empty()) return;

  std::vector<bool> wrote(sources.size(), false);
  std::vector<bool> parked(sources.size(), false);
  for (const MappingSet::Target& target : mapped.targets) {
    postgres::Transaction* transaction = &batch.state;
    if (target.dsn) {
      const auto open = batch.elsewhere.find(*target.dsn);
      transaction = open != batch.elsewhere.end() ? &open->second : &batch.elsewhere.emplace(*target.dsn, TargetSession(*target.dsn).Begin()).first->second;
    }
    for (const auto& applier : target.appliers) {
      const std::vector<Outcome> outcomes = applier->Apply(*transaction, sources, batch.now);
      std::vector<Claim> applied;
      for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const Outcome& outcome = outcomes[i];
        wrote[i] = wrote[i] || outcome.wrote;
        if (outcome.kind != Outcome::Kind::kParked) {
          applied.push_back(applying[i]->claim);
          continue;
        }
        parked[i] = true;
        Queue::Park(batch.state, applying[i]->claim, {applier->Definition().name, outcome.code, outcome.cause, outcome.hint, outcome.place, outcome.sqlstate});
        Log(LogLevel::kError, "memory_parked",
            {{"project", project.Text()}, {"memory", applying[i]->claim.memory.Text()}, {"mapping", applier->Definition().name},
             {"place", outcome.place}, {"sqlstate", outcome.sqlstate}, {"code", NameOf(outcome.code)}});
      }
      if (!applied.empty()) Queue::Unpark(batch.state, applied, {applier->Definition().name, ""});
    }
  }
  for (std::size_t i = 0; i < sources.size(); ++i) {
    // A parked memory is evaluated again whenever it is read again.
    if (parked[i]) applying[i]->reading->applied.clear();
    if (parked[i]) applying[i]->fate = Fate::kParked;
    if (parked[i]) ++batch.parked;
    ++(wrote[i] ? batch.applied : batch.unchanged);
    if (wrote[i] && !applying[i]->listed) batch.newest_mark = std::max(batch.newest_mark.value_or(Instant::min()), applying[i]->claim.marked_at);
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
