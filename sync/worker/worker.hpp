#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"
#include "sync/worker/mapping_set.hpp"

namespace membridge::sync {

struct Event;

struct WorkerOptions {
  std::size_t batch = 200;                    ///< memories claimed at once; Mem0 lists at most 200
  std::chrono::milliseconds read_lag{1000};   ///< how far a read at Mem0 may be behind its writes; a read is final when it began
                                              ///< this much after the newest delivery
  std::chrono::seconds lease{60};             ///< how long a claim hides a memory from other workers
  std::chrono::milliseconds retry_base{500};  ///< first wait after a failure; doubles with jitter
  std::chrono::milliseconds retry_cap{60'000};
  std::chrono::seconds wake_every{5};  ///< how often a worker looks for memories that others woke and did not live to mark
};

/// What workers did since the process began. Thread-safe.
struct WorkerCounters {
  std::atomic<std::uint64_t> claimed{0};  ///< memories taken from the queue
  std::atomic<std::uint64_t> list_reads{0};
  std::atomic<std::uint64_t> single_reads{0};
  std::atomic<std::uint64_t> applied{0};    ///< memories whose rows changed
  std::atomic<std::uint64_t> unchanged{0};  ///< memories that needed no write
  std::atomic<std::uint64_t> withdrawn{0};  ///< memories found gone
  std::atomic<std::uint64_t> parked{0};
  std::atomic<std::uint64_t> late{0};              ///< claims lost to another worker
  std::atomic<std::uint64_t> retried{0};           ///< memories put back after a failure
  std::atomic<std::uint64_t> events_counted{0};    ///< events that every mapping has taken
  std::atomic<std::uint64_t> events_discarded{0};  ///< events that what Mem0 answers does not bear out
  std::atomic<std::uint64_t> events_parked{0};     ///< attempts that a mapping refused
  std::atomic<std::uint64_t> lag_microseconds{0};  ///< newest delivery → commit, of the last memory applied
};

/// Takes dirty memories, reads them from Mem0, applies them and commits rows, ledger, mirror and queue together. One thread's: it
/// owns its connections and its Mem0 clients.
///
/// A read proves nothing while Mem0's replicas may lag behind the delivery that asked for it. So what is read at once is applied
/// at once, and the memory stays dirty until a read that began `read_lag` after its newest delivery; that one is final. A memory
/// that is not there is believed to be gone only when a final read and an earlier one, `read_lag` apart, agree.
///
/// Memories that looked in vain for a row are noted in the target's ledger, and so is the row in the transaction that makes it.
/// Once that is committed they are marked dirty; until they have been applied the ledger keeps it, so a crash in between costs
/// only time.
///
/// Events wait in membridge.events for the same: they are given to the mappings `from: event` once what the memory is now is
/// known, after the memory's own mappings and in the same transaction.
class Worker {
 public:
  using Mappings = std::function<std::shared_ptr<const MappingSet>()>;
  using ClientFor = std::function<std::unique_ptr<mem0::Client>(const ProjectId&)>;

  Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock,
         WorkerCounters& counters);
  ~Worker();

  /// One round: claims up to a batch and settles every memory of it. Returns how many were claimed; zero means nothing is due, or
  /// that a stop was requested before anything was claimed.
  /// kUnavailable when the state database is away; the claims, if any, come back when their lease ends.
  Result<std::size_t> RunOnce(const std::stop_token& stop = {});

  /// What became of a record that ApplyRecords was given.
  enum class Fate {
    kAdded,    ///< the mirror did not know it; applied
    kUpdated,  ///< the mirror had an older version; applied
    kSame,     ///< the mirror had it already
    kParked,   ///< a mapping refused it
    kLeft,     ///< the mirror knows as much or more (a later version, the same moment with another content, a deletion): stays
               ///< dirty, to be read
    kBusy,     ///< dirty already: whoever works on it reads something newer
  };
  /// Applies records that a list answered, without reading them again, by all the rules of RunOnce: fences, mirror, parking. A
  /// record never overwrites anything newer, and never one that is dirty. `also` runs in the same transaction, last, with one
  /// fate per record; it may be called again when the transaction is repeated, and what it throws (but SqlFailure) rolls
  /// everything back and passes through. An id must not come twice. kUnavailable: nothing was done.
  using Also = std::function<void(postgres::Transaction&, const std::vector<Fate>&)>;
  Result<void> ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also);

  /// When the next memory becomes due; nothing when the queue is empty or the database away.
  std::optional<std::chrono::milliseconds> NextDue();

 private:
  struct Batch;
  struct Item;
  struct Told;
  /// What is to be made of an event, by what is known of its memory.
  enum class Hearing { kTooEarly, kCounts, kNoSuchMemory, kStillThere };

  postgres::Session& State();
  postgres::Session& TargetSession(const std::string& dsn);
  mem0::Client& ClientOf(const ProjectId& project);
  bool AwaitTurn(const std::stop_token& stop);
  std::vector<Claim> ClaimBatch();
  void Read(const ProjectId& project, const std::vector<Item*>& items);
  void ReadSingly(mem0::Client& client, Item& item);
  void ReadFromMirror(std::vector<Item>& items);
  void Apply(std::vector<Item>& items);
  Batch Open();
  void Conclude(Batch& batch, const std::vector<Item*>& items, const std::function<void()>& also);
  static bool IsOfCanary(const Item& item);
  static std::vector<Item*> WithoutErased(Batch& batch, const std::vector<Item*>& items);
  void ApplyTaken(const ProjectId& project, std::vector<Item>& items, const Also& also);
  void ApplyProject(Batch& batch, const ProjectId& project, const std::vector<Item*>& items);
  std::optional<Source> Decide(Batch& batch, const MappingSet::Project& mapped, Item& item) const;
  std::optional<Source> DecideAbsent(Batch& batch, Item& item) const;
  std::optional<Source> DecideFound(Batch& batch, const MappingSet::Project& mapped, Item& item) const;
  void ApplyMemories(Batch& batch, const MappingSet::Project& mapped, const std::vector<Item*>& items,
                     const std::vector<Source>& sources);
  void ApplyEvents(Batch& batch, const MappingSet::Project& mapped, const std::vector<Item*>& items);
  Hearing Hear(const Item& item, const Event& event) const;
  static void GiveEvents(Batch& batch, postgres::Transaction& transaction, const Applier& applier, std::vector<Told>& told);
  static void Park(Batch& batch, const Claim& claim, const std::string& mapping, const Outcome& outcome);
  postgres::Transaction& TransactionOf(Batch& batch, const MappingSet::Target& target);
  void MarkWoken();
  void MarkWokenOf(const MappingSet::Target& target, const ProjectId& project);
  void PutBack(const std::vector<Item>& items, const std::string& error);
  std::chrono::milliseconds BackOff(int attempts) const;

  WorkerOptions options_;
  std::string state_dsn_;
  Mappings mappings_;
  ClientFor client_for_;
  const Clock& clock_;
  WorkerCounters& counters_;
  std::optional<postgres::Session> state_;
  std::map<std::string, postgres::Session> targets_;  // by DSN
  std::map<ProjectId, std::unique_ptr<mem0::Client>> clients_;
  bool woke_ = true;  // somebody may be woken and not marked dirty yet
  std::chrono::steady_clock::time_point looked_for_woken_;
};

}  // namespace membridge::sync
