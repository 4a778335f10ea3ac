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

/// Takes dirty memories, reads them from Mem0, applies them and commits rows, ledger, mirror and queue together. For one thread;
/// it owns its connections and its Mem0 clients.
///
/// Mem0's replicas may lag behind a delivery, so an early read may return an old record. The worker therefore applies the first
/// read at once, but the memory stays dirty until a read that began `read_lag` after its newest delivery; that read is final. A
/// missing memory counts as gone only when a final read and an earlier one, `read_lag` apart, both miss it.
///
/// The target's ledger notes memories that need a missing row, and notes the row in the transaction that makes it.
/// Once that is committed they are marked dirty; until they have been applied the ledger keeps it, so a crash in between costs
/// only time.
///
/// A memory fails alone. While nothing fails, a batch is one transaction. A batch that fails, at any statement, at COMMIT or by
/// any exception, is halved, in transactions of their own, until the memory at fault is alone. postgres::RemedyFor() then
/// decides: the memory is parked, put back as blocked, or tried once more with the tables as they are now. Only a database that
/// is away, read-only or full stops the others, and then nothing is parked.
///
/// The worker does not write to a target whose ledger belongs to another state: it mirrors memories and applies them to the other
/// targets, and applies them there once the ledger is this state's (sync/targets).
///
/// Events wait in membridge.events until their memory was read. They are then given to the mappings `from: event`, after the
/// memory's own mappings and in the same transaction.
///
/// The worker itself only claims and orders the steps of a round; each step is a class of its own in this folder.
class Worker {
 public:
  using Mappings = MappingsInForce;
  using ClientFor = Reader::ClientFor;

  /// Reads the targets' tables again, so that `mappings` knows them as they are now; blocks as long as that takes. May be empty.
  using LookAtTables = Containment::LookAtTables;

  Worker(WorkerOptions options, std::string state_dsn, Mappings mappings, ClientFor client_for, const Clock& clock,
         WorkerCounters& counters, LookAtTables look_at_tables = {});
  ~Worker();

  /// Does one round: claims up to a batch and settles every memory of it. Returns how many were claimed. Zero: nothing is due, or
  /// a stop was requested before anything was claimed. kUnavailable: a database is away, read-only or full; claimed memories that
  /// were not settled are put back.
  Result<std::size_t> RunOnce(const std::stop_token& stop = {});

  using Fate = RecordFate;
  /// Applies records that a list returned, without reading them again, by all the rules of RunOnce: fences, mirror, parking. A
  /// record never overwrites a newer one, nor a dirty memory. `also` runs last in the same transaction, with one fate per record.
  /// When a record fails, `also` runs in a transaction of its own, once all others are applied. `also` may be called again; its
  /// exceptions except SqlFailure pass through. An id must not come twice. kUnavailable: `also` was not committed; records that
  /// were applied are kSame the next time.
  using Also = ListedRecords::Also;
  /// `exact`: the list is of a source that Records::IsExact(), so only new memories are taken from it, and changed ones are read.
  Result<void> ApplyRecords(const ProjectId& project, const std::vector<mappings::Memory>& records, const Also& also,
                            bool exact = false);
  /// Whether something failed in the last ApplyRecords, so that it went on in parts: fewer at once are better then.
  bool DividedRecords() const { return listed_.WereDivided(); }

  /// Whether all targets of the project may be written. kRefused: a target of it has the ledger of another state, which RunOnce
  /// and ApplyRecords leave out.
  Result<void> MayWrite(const ProjectId& project);

  /// How long until the next memory becomes due; nothing when the queue is empty or the database is away.
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
