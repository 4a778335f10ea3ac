#pragma once

#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/entered_sources.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Forgets rows that no longer hold what the ledger recognises them by, even under the same primary key: the table was emptied
/// and its numbers begin anew, it was restored, or a person made another row in its place. Functions throw postgres::SqlFailure.
class RowReleaser {
 public:
  /// Everything referred to outlives it.
  RowReleaser(AttemptContext& context, const EnteredSources& sources, const PlannedRow& planned)
      : context_(context), sources_(sources), planned_(planned) {}

  /// Releases such rows, and removes the works for which nothing is left to do.
  void Release(std::vector<Work>& works);

 private:
  void ReleaseOne(Work& work);

  AttemptContext& context_;
  const EnteredSources& sources_;
  const PlannedRow& planned_;
};

}  // namespace membridge::sync
