#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sync/worker/worker.hpp"

// What the files of Worker share; nobody else includes it.
namespace membridge::sync {

/// Why a memory is dirty that the mirror is enough for.
inline constexpr std::string_view kReproject = "reproject";

/// One claimed memory on its way through a round.
struct Worker::Item {
  using Read = ReadAnswer::Kind;
  Claim claim;
  Read read = Read::kNotAsked;
  std::optional<mappings::Memory> memory;
  std::string digest;
  Error error{};
  std::optional<std::chrono::milliseconds> retry_after;
  bool listed = false;  // the record came with a list: nobody asked for it, and it is as final as it gets
  Fate fate = Fate::kBusy;
  // Decided when it is applied:
  enum class Standing {
    kOpen,     ///< not known yet
    kPresent,  ///< `memory` is what it is now
    kGone,     ///< the bridge knew it, and Mem0 has it no more
    kNever,    ///< nobody ever saw it: the delivery may have been made up
  };
  std::optional<Mirrored> mirrored;
  bool held = false;      // gone, and the guard against mass withdrawals keeps what it said
  bool is_final = false;  // the read began late enough after the newest delivery
  Standing standing = Standing::kOpen;
  Settlement settlement;
  std::optional<Reading> reading;
};

/// The transactions of one attempt: the state's and those of targets that live elsewhere.
struct Worker::Batch {
  explicit Batch(postgres::Transaction transaction) : state(std::move(transaction)) {}
  postgres::Transaction state;
  std::map<std::string, postgres::Transaction> elsewhere;
  Applier::Refused refused = Applier::Refused::kThrown;
  std::int64_t fence = 0;         // the highest of its claims
  std::set<std::string> entered;  // targets whose ledger was entered
  std::set<std::string> written;  // tables whose rows changed, `schema.name`
  std::vector<std::pair<ProjectId, MemoryId>> passed_over;
  std::shared_ptr<const MappingSet> mappings;
  Instant now;
  std::uint64_t applied = 0, unchanged = 0, withdrawn = 0, parked = 0, late = 0, retried = 0, suppressed = 0, held = 0;
  std::uint64_t events_counted = 0, events_discarded = 0, events_parked = 0;
  std::optional<Instant> newest_mark;
  bool in_state = false;  // a target lives in the state database: its deferred constraints are asked before the queue is touched
  bool wakes = false;     // a row was made that other memories had looked for
};

}  // namespace membridge::sync
