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

/// What a sweep asks the state database, set by set. Functions throw postgres::SqlFailure.
class Walk {
 public:
  /// What the mirror knows of a record.
  struct Known {
    bool known = false;
    bool gone = false;
    std::string digest;
  };
  static std::vector<Known> LookUp(postgres::Transaction& transaction, const ProjectId& project,
                                   const std::vector<MemoryId>& memories);

  /// Notes that this walk of the run met these memories. Returns those it had not met before.
  static std::set<std::string> Meet(postgres::Transaction& transaction, const Run& run, const std::vector<MemoryId>& memories,
                                    int walk);
  /// How many this walk has met.
  static std::int64_t Met(postgres::Transaction& transaction, const Run& run, int walk);
  /// Forgets what runs that are over have met.
  static void Tidy(postgres::Transaction& transaction);

  struct Missing {
    std::int64_t missing = 0;  ///< live in the mirror since before `began`, not met by the walk
    std::int64_t live = 0;     ///< in the mirror altogether
  };
  static Missing CountMissing(postgres::Transaction& transaction, const Run& run, int walk, Instant began);
  /// Puts up to `limit` of them into doubt and marks them dirty. Returns how many.
  static std::size_t DoubtMissing(postgres::Transaction& transaction, const Run& run, int walk, Instant began, std::size_t limit);

  /// Remembers memories that were left to the workers, with what the mirror says of them now.
  static void Doubt(postgres::Transaction& transaction, const Run& run, const std::vector<MemoryId>& memories);
  struct Resolved {
    std::int64_t added = 0, updated = 0, deleted = 0, same = 0;
    std::int64_t left = 0;  ///< still dirty
  };
  /// What became of doubts whose memories are not dirty any more; those are forgotten.
  static Resolved Resolve(postgres::Transaction& transaction, const Run& run);

  static std::optional<Instant> Watermark(postgres::Transaction& transaction, const ProjectId& project);
  static void MoveWatermark(postgres::Transaction& transaction, const ProjectId& project, Instant to);
  /// The database's clock, which the mirror goes by.
  static Instant Now(postgres::Transaction& transaction);
};

}  // namespace membridge::sync
