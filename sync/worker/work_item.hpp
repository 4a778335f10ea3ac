#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "mappings/base/result.hpp"
#include "mappings/memory.hpp"
#include "sync/queue/mirror.hpp"
#include "sync/queue/queue.hpp"
#include "sync/worker/reader.hpp"

namespace membridge::sync {

/// The reason of a dirty memory that is not read from Mem0: the mirror's record is applied again.
inline constexpr std::string_view kReproject = "reproject";

/// What Worker::ApplyRecords did with a record.
enum class RecordFate {
  kAdded,    ///< the mirror did not know it; applied
  kUpdated,  ///< the mirror had an older version; applied
  kSame,     ///< the mirror had it already
  kParked,   ///< a mapping refused it
  kLeft,     ///< the mirror has a later version, another content of the same moment or a deletion, or another session is
             ///< in the way: stays dirty, to be read
  kBusy,     ///< dirty already: the worker that claims it reads something newer
};

/// One memory on its way through a worker's round. The collaborators of Worker fill it, in the order of its members.
struct WorkItem {
  using Read = ReadAnswer::Kind;

  Claim claim;  ///< of a listed record: only project and memory, until the batch that applies it claims it

  // What was read:
  Read read = Read::kNotAsked;
  std::optional<mappings::Memory> memory{};
  std::string digest{};
  Error error{};
  std::optional<std::chrono::milliseconds> retry_after{};
  bool is_exact = false;  ///< the read shows everything that was committed before it, so it is final
  bool listed = false;    ///< the record came with a list, not from a read of this memory; it counts as final

  // What was decided. Every attempt to apply it decides anew:
  enum class Standing {
    kOpen,     ///< not known yet
    kPresent,  ///< `memory` is what it is now
    kGone,     ///< the bridge knew it, and Mem0 does not have it any more
    kNever,    ///< the bridge never saw it: the delivery may be forged
  };
  std::optional<Mirrored> mirrored{};
  bool held = false;      ///< gone, but the guard against mass withdrawals keeps what it said
  bool is_final = false;  ///< the read began late enough after the newest delivery
  Standing standing = Standing::kOpen;
  Settlement settlement{};           ///< how the claim ends
  std::optional<Reading> reading{};  ///< what is written to the mirror
  RecordFate fate = RecordFate::kBusy;
};

}  // namespace membridge::sync
