#pragma once

#include <optional>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Keeps the `history` of one row of the mapping: a change closes the open version of a target row and opens the next. Functions
/// throw postgres::SqlFailure or Refusal.
class VersionKeeper {
 public:
  /// Both outlive it; the row has `history`.
  VersionKeeper(AttemptContext& context, const PlannedRow& planned);

  /// Whether this version is the open one. Always true for a row without `history`.
  static bool IsCurrent(const PlannedRow& planned, const Image& image);
  /// Remembers in the work what the open version holds and who spoke for it. Call it before anything is decided.
  static void Keep(Work& work);

  /// Writes the changes, one per row, as new versions where that is due. Returns the rows after the write; nothing for a row that
  /// is gone.
  std::vector<std::optional<Image>> Write(const std::vector<Work*>& works, const std::vector<RowChange>& changes);

 private:
  Instant BeginOf(const Work& work) const;
  std::optional<Image> Open(Work& work, const RowChange& change, Instant begins);
  nlohmann::json NextOf(const Work& work, const RowChange& change, Instant begins) const;

  AttemptContext& context_;
  const PlannedRow& planned_;
  const TargetTable& table_;
  const std::size_t from_, to_;       // columns
  std::vector<VersionClaim> closed_;  // what was said in versions that were closed
};

}  // namespace membridge::sync
