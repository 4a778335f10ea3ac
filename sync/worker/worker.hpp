#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/memory.hpp"
#include "sync/queue/queue.hpp"
#include "sync/targets/tied_sessions.hpp"
#include "sync/worker/admitted_targets.hpp"
#include "sync/worker/batch_applier.hpp"
#include "sync/worker/containment.hpp"
#include "sync/worker/counters.hpp"
#include "sync/worker/lease_keeper.hpp"
#include "sync/worker/listed_records.hpp"
#include "sync/worker/lock_patience.hpp"
#include "sync/worker/mapping_set.hpp"
#include "sync/worker/options.hpp"
#include "sync/worker/parked_retrier.hpp"
#include "sync/worker/reader.hpp"
#include "sync/worker/round_reader.hpp"
#include "sync/worker/woken_marker.hpp"
#include "sync/worker/work_item.hpp"

namespace membridge::sync {

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
///
/// The worker itself only claims and puts the steps of a round in order; each step is a class of its own in this folder.
class Worker {
 public:
  using Mappings = MappingsInForce;
  using ClientFor = Reader::ClientFor;

  /// Reads the targets' tables again, so that `mappings` knows them as they are; blocks as long as that takes. May do nothing.
  using LookAtTables = Containment::LookAtTables;

  Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock,
         WorkerCounters& counters, LookAtTables look_at_tables = {});
  ~Worker();

  /// One round: claims up to a batch and settles every memory of it. Returns how many were claimed; zero means nothing is due,
  /// or that a stop was requested before anything was claimed. kUnavailable when a database is away, read-only or full; what
  /// was claimed and not settled is put back.
  Result<std::size_t> RunOnce(const std::stop_token& stop = {});

  using Fate = RecordFate;
  /// Applies records that a list answered, without reading them again, by all the rules of RunOnce: fences, mirror, parking. A
  /// record never overwrites anything newer, and never one that is dirty. `also` runs in the same transaction, last, with one
  /// fate per record; when a record fails it runs in a transaction of its own, once all others are applied. It may be called
  /// again, and what it throws (but SqlFailure) passes through. An id must not come twice. kUnavailable: `also` was not
  /// committed; records that were applied are kSame the next time.
  using Also = ListedRecords::Also;
  Result<void> ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also);

  /// Whether everything of the project may be written. kRefused: a target of it has the ledger of another state, and what
  /// RunOnce and ApplyRecords do leaves that one out.
  Result<void> MayWrite(const ProjectId& project);

  /// When the next memory becomes due; nothing when the queue is empty or the database away.
  std::optional<std::chrono::milliseconds> NextDue();

 private:
  std::vector<WorkItem> ClaimBatch();
  bool AwaitTurn(const std::stop_token& stop);
  void PutBack(const std::vector<WorkItem>& items, const std::string& error);
  void PutBackUnwritten(std::vector<WorkItem>& items);

  // In the order in which they refer to one another.
  const WorkerOptions options_;
  const Mappings mappings_;
  WorkerCounters& counters_;
  TiedSessions sessions_;
  AdmittedTargets targets_;
  LockPatience patience_;
  LeaseKeeper leases_;
  RoundReader reader_;
  WokenMarker woken_;
  ParkedRetrier parked_;
  Containment containment_;
  BatchApplier applier_;
  ListedRecords listed_;
};

}  // namespace membridge::sync
