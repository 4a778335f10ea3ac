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

/// A sweep's statements on the state database, set by set, within one transaction. Functions throw postgres::SqlFailure. The
/// transaction and the run outlive it.
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
    std::set<std::string> fresh;  ///< memories that this walk had not met before
    std::int64_t strangers = 0;   ///< how many of these the walk before had not met either
  };
  /// Notes that this walk of the run met these memories.
  Meeting Meet(const std::vector<MemoryId>& memories, int walk);
  /// Returns how many memories this walk has met.
  std::int64_t Met(int walk);
  /// Forgets what finished runs have met.
  void Tidy();

  struct Missing {
    std::int64_t missing = 0;  ///< live in the mirror since before `began`, not met
    std::int64_t live = 0;     ///< in the mirror altogether
  };
  /// Counts memories that walk `walk` did not meet; 0: that no walk of the run met.
  Missing CountMissing(int walk, Instant began);
  /// Puts up to `limit` of these missing memories into doubt and marks them dirty. Returns how many.
  std::size_t DoubtMissing(int walk, Instant began, std::size_t limit);

  /// Remembers memories that are left to the workers, together with their present state in the mirror.
  void Doubt(const std::vector<MemoryId>& memories);
  /// Lets the workers read these memories, unless they are parked already. Returns how many will be read.
  std::size_t DoubtUnreadable(const std::vector<MemoryId>& memories);
  struct Resolved {
    std::int64_t added = 0, updated = 0, deleted = 0, same = 0;
    std::int64_t left = 0;  ///< still dirty
  };
  /// Counts what became of the doubts whose memories are not dirty any more, and forgets these doubts.
  Resolved Resolve();

  std::optional<Instant> Watermark();
  void MoveWatermark(Instant to);
  /// The database's clock, which the mirror's times use.
  Instant Now();

 private:
  postgres::Transaction& transaction_;
  const Run& run_;
};

}  // namespace membridge::sync
