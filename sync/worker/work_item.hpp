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

/// The reason of a dirty memory that need not be read at Mem0: the mirror's record is applied again.
inline constexpr std::string_view kReproject = "reproject";

/// What became of a record that Worker::ApplyRecords was given.
enum class RecordFate {
  kAdded,    ///< the mirror did not know it; applied
  kUpdated,  ///< the mirror had an older version; applied
  kSame,     ///< the mirror had it already
  kParked,   ///< a mapping refused it
  kLeft,     ///< the mirror knows as much or more (a later version, the same moment with another content, a deletion), or
             ///< somebody is in its way: stays dirty, to be read
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
  bool listed = false;  ///< the record came with a list: nobody asked for it, and it is as final as it gets

  // What was decided, anew by every attempt to apply it:
  enum class Standing {
    kOpen,     ///< not known yet
    kPresent,  ///< `memory` is what it is now
    kGone,     ///< the bridge knew it, and Mem0 has it no more
    kNever,    ///< nobody ever saw it: the delivery may have been made up
  };
  std::optional<Mirrored> mirrored{};
  bool held = false;      ///< gone, and the guard against mass withdrawals keeps what it said
  bool is_final = false;  ///< the read began late enough after the newest delivery
  Standing standing = Standing::kOpen;
  Settlement settlement{};           ///< what becomes of the claim
  std::optional<Reading> reading{};  ///< what the mirror is told
  RecordFate fate = RecordFate::kBusy;
};

}  // namespace membridge::sync
