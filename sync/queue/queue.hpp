#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "mappings/base/id.hpp"
#include "mappings/base/result.hpp"
#include "mappings/base/time.hpp"
#include "mappings/memory.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// How many buckets the state tables are hashed into. Fixed for the life of a database.
inline constexpr int kBuckets = 64;

/// The bucket of a memory: FNV-1a over project, a zero byte and memory id, modulo kBuckets.
int BucketOf(const ProjectId& project, const MemoryId& memory);

/// A memory taken from the dirty queue, hidden from other workers until its lease ends.
struct Claim {
  ProjectId project;
  MemoryId memory;
  int bucket = 0;
  std::int64_t generation = 0;  ///< as it was claimed; a delivery meanwhile makes it larger and the memory stays dirty
  std::int64_t fence = 0;       ///< later claims have larger ones
  Instant marked_at;            ///< newest delivery, by the database's clock
  Instant claimed_at;           ///< by the database's clock
  int attempts = 0;
  std::optional<Instant> absent_since;
  std::string reason;  ///< `delivery`, `sweep`, `expiry`, `manual`, `reproject`
};

/// What becomes of a claimed memory.
struct Settlement {
  enum class Kind {
    kDone,       ///< not dirty any more, unless its generation moved on
    kLookAgain,  ///< stays dirty and is due at `due_in` from now: the read was not final yet
    kRetry,      ///< failed; due at `due_in` from now, attempts + 1, last_error
  };
  Kind kind = Kind::kDone;
  std::chrono::milliseconds due_in{0};
  bool absent = false;  ///< with kLookAgain: Mem0 said it is not there; absent_since is kept or set
  std::string error;    ///< with kRetry: safe text
};

/// What the mirror is told of one memory.
struct Reading {
  std::optional<mappings::Memory> memory;  ///< nothing: gone
  std::string digest;                      ///< DigestOf, empty when gone
  std::string applied;                     ///< empty: unknown, will be evaluated again
  bool expired = false;
  bool waits = false;  ///< a mapping looked in vain for a row
};

/// A row of the mirror.
struct Mirrored {
  std::optional<nlohmann::json> record;
  std::string digest;
  std::optional<Instant> updated_at;
  bool gone = false;
  std::string applied;
};

/// Why a memory cannot be applied. `cause` may quote row values: for the database and the operator, not for a log.
struct Parking {
  std::string mapping;
  ErrorCode code;
  std::string cause;
  std::string hint;
  std::string place;  ///< file:line of the mapping row
  std::string sqlstate;
};

/// The dirty queue, the mirror and the parked memories. All functions run inside the caller's transaction and throw
/// postgres::SqlFailure; times are the database's clock.
class Queue {
 public:
  /// Marks memories dirty (sorted, so that two markers never deadlock). New ones are due at once; those waiting are due no later
  /// than now.
  static void Mark(postgres::Transaction& transaction, const ProjectId& project, const std::vector<MemoryId>& memories,
                   std::string_view reason);

  /// Buckets that have due, unclaimed work, in random order; takes no locks.
  static std::vector<int> DueBuckets(postgres::Transaction& transaction);
  /// Claims up to `limit` due memories of one bucket, oldest first, FOR UPDATE SKIP LOCKED. Commit makes the claim.
  static std::vector<Claim> ClaimDue(postgres::Transaction& transaction, int bucket, std::size_t limit,
                                     std::chrono::seconds lease);
  /// Until when nothing more becomes due; nothing when the queue is empty.
  static std::optional<std::chrono::milliseconds> NextDue(postgres::Transaction& transaction);

  /// Locks the claims' rows and returns those that are still ours (same fence). The rest must not be written.
  static std::vector<Claim> StillOurs(postgres::Transaction& transaction, const std::vector<Claim>& claims);
  /// Ends claims, one Settlement each. A memory whose generation moved on stays dirty, due now.
  static void Settle(postgres::Transaction& transaction, const std::vector<std::pair<Claim, Settlement>>& settlements);

  /// The mirror's rows, one per claim, in order.
  static std::vector<std::optional<Mirrored>> LookUp(postgres::Transaction& transaction, const std::vector<Claim>& claims);
  /// Writes readings into the mirror; a gone memory becomes a tombstone.
  static void Mirror(postgres::Transaction& transaction, const std::vector<std::pair<Claim, Reading>>& readings);

  /// Parks a memory for a mapping (attempts count up), or takes it out again once it was applied.
  static void Park(postgres::Transaction& transaction, const Claim& claim, const Parking& parking);
  static void Unpark(postgres::Transaction& transaction, const std::vector<Claim>& claims,
                     const std::vector<std::string>& mappings);

  /// Marks dirty every memory whose last day has passed and that is not marked expired yet. Returns how many.
  static std::size_t MarkExpired(postgres::Transaction& transaction, Day today, std::size_t limit);
};

}  // namespace membridge::sync
