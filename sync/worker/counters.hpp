#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "mappings/base/time.hpp"
#include "sync/worker/lag.hpp"

namespace membridge::sync {

/// Counts what workers did since the process began. Thread-safe.
struct WorkerCounters {
  std::atomic<std::uint64_t> claimed{0};  ///< memories taken from the queue
  std::atomic<std::uint64_t> list_reads{0};
  std::atomic<std::uint64_t> single_reads{0};
  std::atomic<std::uint64_t> contradicted{0};  ///< reads in which Mem0's list and its single read contradicted each other
  std::atomic<std::uint64_t> applied{0};       ///< memories whose rows changed
  std::atomic<std::uint64_t> unchanged{0};     ///< memories that needed no write
  std::atomic<std::uint64_t> withdrawn{0};     ///< memories found gone
  std::atomic<std::uint64_t> held{0};          ///< withdrawals that the guard against mass withdrawals held back
  std::atomic<std::uint64_t> suppressed{0};    ///< memories of erased people that were read and not kept
  std::atomic<std::uint64_t> parked{0};
  std::atomic<std::uint64_t> late{0};              ///< claims lost to another worker
  std::atomic<std::uint64_t> retried{0};           ///< memories put back after a failure
  std::atomic<std::uint64_t> blocked{0};           ///< memories put back because another session was in the way
  std::atomic<std::uint64_t> divided{0};           ///< batches that were halved because one of their memories failed
  std::atomic<std::uint64_t> events_counted{0};    ///< events that every mapping has taken
  std::atomic<std::uint64_t> events_discarded{0};  ///< events that Mem0's answers do not confirm
  std::atomic<std::uint64_t> events_parked{0};     ///< attempts that a mapping refused
  std::atomic<std::uint64_t> lag_microseconds{0};  ///< newest delivery → commit, of the last memory applied
  LagHistogram lag{};                              ///< of all whose rows changed because of a delivery
};

/// Counts what one batch did. They are added to the counters once the batch is committed.
struct BatchCounts {
  std::uint64_t applied = 0, unchanged = 0, withdrawn = 0, parked = 0, late = 0, retried = 0, suppressed = 0, held = 0;
  std::uint64_t events_counted = 0, events_discarded = 0, events_parked = 0;
  std::optional<Instant> newest_mark{};  ///< of the memories that were applied
  std::vector<Instant> delivered{};      ///< marks of those among them that a delivery had made

  void AddTo(WorkerCounters& counters, Instant now) const;
};

}  // namespace membridge::sync
