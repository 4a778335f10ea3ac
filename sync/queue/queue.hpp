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
  std::int64_t generation = 0;  ///< when it was claimed; a later delivery increases the stored one, and the memory stays dirty
  std::int64_t fence = 0;       ///< later claims have larger ones
  Instant marked_at;            ///< newest delivery, by the database's clock
  Instant claimed_at;           ///< by the database's clock
  int attempts = 0;
  std::optional<Instant> absent_since;
  std::string reason;  ///< `delivery`, `sweep`, `expiry`, `manual`, `reproject`
  std::string told;    ///< what the delivery behind the mark told, `ADD` and a hash; empty unless exactly one did
};

/// A bucket with due work of one rank. Lower ranks come first, across all buckets.
struct DueBucket {
  int bucket = 0;
  int rank = 0;  ///< 0 live deliveries, 1 by hand or from a delivery with very many memories, 2 sweep and expiry, 3 reproject
};

/// How a claim ends.
struct Settlement {
  enum class Kind {
    kDone,       ///< not dirty any more, unless its generation moved on
    kLookAgain,  ///< stays dirty and is due at `due_in` from now: the read was not final yet
    kRetry,      ///< failed; due at `due_in` from now, attempts + 1, last_error
    kBlocked,    ///< the same, because another session was in the way: counted as blocked until it is settled otherwise
  };
  Kind kind = Kind::kDone;
  std::chrono::milliseconds due_in{0};
  bool absent = false;  ///< with kLookAgain: Mem0 said it is not there; absent_since is kept or set
  std::string error;    ///< with kRetry and kBlocked: safe text
};

/// The dirty queue, inside the caller's transaction. Functions throw postgres::SqlFailure; times are the database's clock.
class Queue {
 public:
  /// The transaction outlives it.
  explicit Queue(postgres::Transaction& transaction) : transaction_(transaction) {}

  /// Marks memories dirty, in sorted order so that two markers never deadlock. New ones are due at once; waiting ones become due
  /// now at the latest.
  void Mark(const ProjectId& project, const std::vector<MemoryId>& memories, std::string_view reason);

  /// Returns the buckets that have due, unclaimed work, by rank, and in random order within a rank. Takes no locks.
  std::vector<DueBucket> DueBuckets();
  /// Claims up to `limit` due memories, FOR UPDATE SKIP LOCKED, of each bucket the oldest, bucket by bucket in the order of
  /// `due`. Returns lower ranks first, then the oldest. Commit makes the claim.
  std::vector<Claim> ClaimDue(const std::vector<DueBucket>& due, std::size_t limit, std::chrono::seconds lease);
  /// Extends the claims that are still ours (same fence) to `lease` from now. Use a short transaction of its own.
  void Renew(const std::vector<Claim>& claims, std::chrono::seconds lease);
  /// Returns how long until the next memory becomes due; nothing when the queue is empty.
  std::optional<std::chrono::milliseconds> NextDue();

  /// Locks the claims' rows and returns those that are still ours (same fence). The rest must not be written.
  std::vector<Claim> StillOurs(const std::vector<Claim>& claims);
  /// Ends claims, one Settlement each. A memory whose generation moved on stays dirty, due now.
  void Settle(const std::vector<std::pair<Claim, Settlement>>& settlements);

 private:
  postgres::Transaction& transaction_;
};

}  // namespace membridge::sync
