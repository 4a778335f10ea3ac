#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/memory.hpp"
#include "sync/backfill/run.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// What a sweep asks the state database, set by set, within one transaction. Functions throw postgres::SqlFailure. What it is
/// given outlives it.
class Walk {
 public:
  Walk(postgres::Transaction& transaction, const Run& run) : transaction_(transaction), run_(run) {}

  /// What the mirror knows of a record.
  struct Known {
    bool known = false;
    bool gone = false;
    std::string digest;
  };
  std::vector<Known> LookUp(const std::vector<MemoryId>& memories);

  struct Meeting {
    std::set<std::string> fresh;  ///< those this walk had not met before
    std::int64_t strangers = 0;   ///< of these, those that the walk before had not met either
  };
  /// Notes that this walk of the run met these memories.
  Meeting Meet(const std::vector<MemoryId>& memories, int walk);
  /// How many this walk has met.
  std::int64_t Met(int walk);
  /// Forgets what runs that are over have met.
  void Tidy();

  struct Missing {
    std::int64_t missing = 0;  ///< live in the mirror since before `began`, not met
    std::int64_t live = 0;     ///< in the mirror altogether
  };
  /// `walk`: not met by this one; 0: by none of the run.
  Missing CountMissing(int walk, Instant began);
  /// Puts up to `limit` of them into doubt and marks them dirty. Returns how many.
  std::size_t DoubtMissing(int walk, Instant began, std::size_t limit);

  /// Remembers memories that were left to the workers, with what the mirror says of them now.
  void Doubt(const std::vector<MemoryId>& memories);
  /// Has the workers read these by themselves, unless they are parked already. Returns how many are to be read.
  std::size_t DoubtUnreadable(const std::vector<MemoryId>& memories);
  struct Resolved {
    std::int64_t added = 0, updated = 0, deleted = 0, same = 0;
    std::int64_t left = 0;  ///< still dirty
  };
  /// What became of doubts whose memories are not dirty any more; those are forgotten.
  Resolved Resolve();

  std::optional<Instant> Watermark();
  void MoveWatermark(Instant to);
  /// The database's clock, which the mirror goes by.
  Instant Now();

 private:
  postgres::Transaction& transaction_;
  const Run& run_;
};

}  // namespace membridge::sync
