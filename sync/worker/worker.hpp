#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/time.hpp"
#include "sync/mem0/client.hpp"
#include "sync/postgres/session.hpp"
#include "sync/queue/queue.hpp"
#include "sync/queue/vanishing.hpp"
#include "sync/targets/ledger_ties.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/lease_keeper.hpp"
#include "sync/worker/mapping_set.hpp"
#include "sync/worker/reader.hpp"

namespace membridge::sync {

struct Event;

struct WorkerOptions {
  std::size_t batch = 200;                    ///< memories claimed at once; Mem0 lists at most 200
  std::chrono::milliseconds read_lag{1000};   ///< how far a read at Mem0 may be behind its writes; a read is final when it began
                                              ///< this much after the newest delivery
  std::chrono::seconds lease{60};             ///< how long a claim hides a memory from other workers
  std::chrono::milliseconds retry_base{500};  ///< first wait after a failure; doubles with jitter
  std::chrono::milliseconds retry_cap{60'000};
  ReaderOptions reading;
  VanishingGuard vanishing;  ///< how many memories may vanish at Mem0 unannounced before they are held
  std::chrono::milliseconds contradiction_patience = std::chrono::hours{1};  ///< Mem0 may contradict itself for so long
  std::chrono::seconds wake_every{5};  ///< how often a worker looks for memories that others woke and did not live to mark, and
                                       ///< for parked ones that are to be tried again
  std::chrono::milliseconds blocked_base{25};  ///< first wait for somebody who is in the way; doubles with jitter
  std::chrono::milliseconds blocked_cap{5'000};
};

/// Takes dirty memories, reads them from Mem0, applies them and commits rows, ledger, mirror and queue together. One thread's:
/// it owns its connections and its Mem0 clients.
///
/// A read proves nothing while Mem0's replicas may lag behind the delivery that asked for it. So what is read at once is
/// applied at once, and the memory stays dirty until a read that began `read_lag` after its newest delivery; that one is final.
/// A memory that is not there is believed to be gone only when a final read and an earlier one, `read_lag` apart, agree.
///
/// The target's ledger notes memories that need a missing row, and notes the row in the transaction that makes it.
/// Once that is committed they are marked dirty; until they have been applied the ledger keeps it, so a crash in between costs
/// only time.
///
/// A memory fails alone. While nothing fails, a batch is one transaction; whatever fails, at any statement, at COMMIT or by any
/// exception, is halved, in transactions of their own, until the memory at fault is alone. postgres::RemedyFor() then says what
/// becomes of it: parked, put back as blocked, or tried once more with the tables as they are now. Only a database that is
/// away, read-only or full stops the others, and then nothing is parked.
///
/// Of targets whose ledger is another state's nothing is written: memories are mirrored and applied to the others, and applied
/// there once the ledger is this state's (sync/targets).
///
/// Events wait in membridge.events for the same: they are given to the mappings `from: event` once what the memory is now is
/// known, after the memory's own mappings and in the same transaction.
class Worker {
 public:
  using Mappings = std::function<std::shared_ptr<const MappingSet>()>;
  using ClientFor = Reader::ClientFor;

  /// Reads the targets' tables again, so that `mappings` knows them as they are; blocks as long as that takes. May do nothing.
  using LookAtTables = std::function<void()>;

  Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock,
         WorkerCounters& counters, LookAtTables look_at_tables = {});
  ~Worker();

  /// One round: claims up to a batch and settles every memory of it. Returns how many were claimed; zero means nothing is due,
  /// or that a stop was requested before anything was claimed. kUnavailable when a database is away, read-only or full; what
  /// was claimed and not settled is put back.
  Result<std::size_t> RunOnce(const std::stop_token& stop = {});

  /// What became of a record that ApplyRecords was given.
  enum class Fate {
    kAdded,    ///< the mirror did not know it; applied
    kUpdated,  ///< the mirror had an older version; applied
    kSame,     ///< the mirror had it already
    kParked,   ///< a mapping refused it
    kLeft,     ///< the mirror knows as much or more (a later version, the same moment with another content, a deletion), or
               ///< somebody is in its way: stays dirty, to be read
    kBusy,     ///< dirty already: the worker that claims it reads something newer
  };
  /// Applies records that a list answered, without reading them again, by all the rules of RunOnce: fences, mirror, parking. A
  /// record never overwrites anything newer, and never one that is dirty. `also` runs in the same transaction, last, with one
  /// fate per record; when a record fails it runs in a transaction of its own, once all others are applied. It may be called
  /// again, and what it throws (but SqlFailure) passes through. An id must not come twice. kUnavailable: `also` was not
  /// committed; records that were applied are kSame the next time.
  using Also = std::function<void(postgres::Transaction&, const std::vector<Fate>&)>;
  Result<void> ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also);

  /// Whether everything of the project may be written. kRefused: a target of it has the ledger of another state, and what
  /// RunOnce and ApplyRecords do leaves that one out.
  Result<void> MayWrite(const ProjectId& project);

  /// When the next memory becomes due; nothing when the queue is empty or the database away.
  std::optional<std::chrono::milliseconds> NextDue();

 private:
  struct Batch;
  struct Item;
  struct Told;
  struct Passing;
  /// One transaction for these.
  using Attempt = std::function<void(const std::vector<Item*>&, Applier::Refused)>;
  struct HeldLeases;
  /// What is to be made of an event, by what is known of its memory.
  enum class Hearing { kTooEarly, kCounts, kNoSuchMemory, kStillThere };

  postgres::Session& State();
  postgres::Session& TargetSession(const std::string& dsn);
  bool AwaitTurn(const std::stop_token& stop);
  std::vector<Claim> ClaimBatch();
  void Read(const ProjectId& project, const std::vector<Item*>& items);
  void RefuseOtherProjects(std::vector<Item>& items);
  void ReadFromMirror(std::vector<Item>& items);
  void Apply(const std::vector<Item*>& items, Applier::Refused refused);
  void BeginContaining();
  void Contain(const std::vector<Item*>& items, const Attempt& attempt);
  void Divide(const std::vector<Item*>& items, const Attempt& attempt);
  void ContainOne(Item& item, const Attempt& attempt);
  void MayGoOn(const std::exception& failure);
  bool Probe();
  void LookAgainAtTables();
  void ParkAlone(Item& item, const std::exception& failure);
  void PutBackBlocked(Item& item, const std::exception& failure);
  void PutOff(const std::vector<Item*>& items);
  void SettleOne(Item& item, const Settlement& settlement);
  void RetryParked();
  Batch Open(Applier::Refused refused);
  postgres::Transaction Begin(postgres::Session& session) const;
  static void AskDeferred(Batch& batch);
  static void MarkPassedOver(Batch& batch);
  static void Note(Batch& batch, const Outcome& outcome);
  void Conclude(Batch& batch, const std::vector<Item*>& items, const std::function<void()>& also);
  static bool IsOfCanary(const Item& item);
  static std::vector<Item*> WithoutErased(Batch& batch, const std::vector<Item*>& items);
  void ApplyTaken(const ProjectId& project, const std::vector<Item*>& items, const std::vector<Item*>& all, const Also& also,
                  Applier::Refused refused);
  void Account(const std::vector<Item*>& all, const Also& also);
  static void RunAlso(postgres::Transaction& transaction, const std::vector<Item*>& all, const Also& also);
  void ApplyProject(Batch& batch, const ProjectId& project, const std::vector<Item*>& items);
  bool IsGoneForGood(const Item& item) const;
  void HoldBack(Batch& batch, const ProjectId& project, const std::vector<Item*>& items) const;
  void ParkUnread(Batch& batch, Item& item, const Parking& parking) const;
  std::optional<Source> Decide(Batch& batch, const MappingSet::Project& mapped, Item& item) const;
  std::optional<Source> DecideAbsent(Batch& batch, const MappingSet::Project& mapped, Item& item) const;
  std::optional<Source> DecideFound(Batch& batch, const MappingSet::Project& mapped, Item& item) const;
  void ApplyMemories(Batch& batch, const MappingSet::Project& mapped, const std::vector<Item*>& items,
                     const std::vector<Source>& sources);
  void ApplyEvents(Batch& batch, const MappingSet::Project& mapped, const std::vector<Item*>& items);
  Hearing Hear(const Item& item, const Event& event) const;
  static void GiveEvents(Batch& batch, postgres::Transaction& transaction, const Applier& applier, std::vector<Told>& told);
  static void Park(Batch& batch, const Item& item, const std::string& mapping, const Outcome& outcome);
  postgres::Transaction& TransactionOf(Batch& batch, const MappingSet::Target& target);
  void LookAtLedgers();
  void Repair(const MappingSet& mappings, const MappingSet::Target& target, Admission admission);
  bool IsRefused(const std::string& target) const;
  void Enter(Batch& batch, const MappingSet::Target& target, postgres::Transaction& transaction);
  void PutBackUnwritten(std::vector<Item>& items);
  void MarkWoken();
  void MarkWokenOf(const MappingSet::Target& target, const ProjectId& project);
  void PutBack(const std::vector<Item>& items, const std::string& error);
  std::chrono::milliseconds BackOff(int attempts) const;
  std::chrono::milliseconds BlockedBackOff(int attempts) const;

  WorkerOptions options_;
  std::string state_dsn_;
  Mappings mappings_;
  const Clock& clock_;
  WorkerCounters& counters_;
  LookAtTables look_at_tables_;
  std::optional<postgres::Session> state_;
  std::map<std::string, postgres::Session> targets_;  // by DSN
  LedgerTies ties_;
  std::map<std::string, Result<Admission>> admitted_;                            // by target, as it was when the round began
  std::map<std::string, std::chrono::steady_clock::time_point> looked_in_vain_;  // targets that are away, and since when
  Reader reader_;
  LeaseKeeper leases_;
  bool woke_ = true;  // somebody may be woken and not marked dirty yet
  std::chrono::steady_clock::time_point looked_for_woken_;
  std::chrono::steady_clock::time_point looked_for_parked_;
  std::chrono::steady_clock::time_point looked_at_tables_;
  std::chrono::steady_clock::time_point containing_since_;
  std::set<std::string> written_;                  // tables whose rows this worker changed, until who waits for them is told
  bool struck_ = false;                            // somebody held a lock for too long: the rest of the batch waits less
  std::shared_ptr<const MappingSet> tried_under_;  // parked memories were tried, or will be, under these mappings and tables
};

}  // namespace membridge::sync
