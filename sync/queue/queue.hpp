#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
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
  std::string told;    ///< what the one delivery behind the mark told, `ADD` and a hash; empty where several spoke, or none
};

/// Where something is due: what is of a lower rank comes first, wherever it is.
struct DueBucket {
  int bucket = 0;
  int rank = 0;  ///< 0 live deliveries, 1 asked for by hand or one of very many in a delivery, 2 sweep and expiry, 3 reproject
};

/// What becomes of a claimed memory.
struct Settlement {
  enum class Kind {
    kDone,       ///< not dirty any more, unless its generation moved on
    kLookAgain,  ///< stays dirty and is due at `due_in` from now: the read was not final yet
    kRetry,      ///< failed; due at `due_in` from now, attempts + 1, last_error
    kBlocked,    ///< the same, because somebody else was in the way: counted as blocked until it is settled otherwise
  };
  Kind kind = Kind::kDone;
  std::chrono::milliseconds due_in{0};
  bool absent = false;  ///< with kLookAgain: Mem0 said it is not there; absent_since is kept or set
  std::string error;    ///< with kRetry and kBlocked: safe text
};

/// What the mirror is told of one memory.
struct Reading {
  std::optional<mappings::Memory> memory;  ///< nothing: gone
  std::string digest;                      ///< DigestOf, empty when gone
  std::string applied;                     ///< empty: unknown, will be evaluated again
  bool expired = false;
  bool waits = false;  ///< a mapping needs a row that is not there
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
  std::vector<std::string> depends_on{};  ///< tables whose rows would have to change, `schema.name`; empty: nobody knows
  bool retried = true;                    ///< false: something else sees to it that it is tried again, as with exports
  bool counts = true;  ///< false: the read was not final, and the memory is looked at once more: no attempt of its own
};

/// The dirty queue, the mirror and the parked memories. All functions run inside the caller's transaction and throw
/// postgres::SqlFailure; times are the database's clock.
class Queue {
 public:
  /// Marks memories dirty (sorted, so that two markers never deadlock). New ones are due at once; those waiting are due no later
  /// than now.
  static void Mark(postgres::Transaction& transaction, const ProjectId& project, const std::vector<MemoryId>& memories,
                   std::string_view reason);

  /// Buckets that have due, unclaimed work, by rank, those of one rank in random order; takes no locks.
  static std::vector<DueBucket> DueBuckets(postgres::Transaction& transaction);
  /// Claims up to `limit` due memories of one rank in one bucket, oldest first, FOR UPDATE SKIP LOCKED. Commit makes the claim.
  static std::vector<Claim> ClaimDue(postgres::Transaction& transaction, const DueBucket& due, std::size_t limit,
                                     std::chrono::seconds lease);
  /// Holds those of the claims that are still ours (same fence) for `lease` from now on. In a short transaction of its own.
  static void Renew(postgres::Transaction& transaction, const std::vector<Claim>& claims, std::chrono::seconds lease);
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

  /// The mirror keeps the memories' records and forgets that the tables show them.
  static void ForgetApplied(postgres::Transaction& transaction, const ProjectId& project, const std::vector<MemoryId>& memories);

  /// Parks a memory for a mapping (attempts count up), or takes it out again once it was applied. It is tried again by itself
  /// after a minute, then after two, up to a day; where it depends on rows the bridge may just have made, once in between.
  static void Park(postgres::Transaction& transaction, const Claim& claim, const Parking& parking);
  static void Unpark(postgres::Transaction& transaction, const std::vector<Claim>& claims,
                     const std::vector<std::string>& mappings);

  /// Marks up to `limit` parked memories dirty whose time to be tried again has come. Returns how many. What nothing else tries
  /// again meanwhile is not due any more until it is parked again.
  static std::size_t RetryParked(postgres::Transaction& transaction, std::size_t limit);
  /// Rows of these tables (`schema.name`) changed: what depends on them is due now. Returns how many.
  static std::size_t HastenParked(postgres::Transaction& transaction, const std::vector<std::string>& relations);
  /// The project's mappings or their tables are of another edition now: what was parked before is due now.
  static std::size_t HastenParkedOf(postgres::Transaction& transaction, const ProjectId& project, const std::string& edition);

  /// Marks dirty every memory whose last day has passed and that is not marked expired yet. Returns how many.
  static std::size_t MarkExpired(postgres::Transaction& transaction, Day today, std::size_t limit);
};

}  // namespace membridge::sync
