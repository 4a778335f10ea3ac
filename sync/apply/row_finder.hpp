#pragma once

#include <set>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/entered_sources.hpp"
#include "sync/apply/row_maker.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Finds the target rows of one row of the mapping, or lets RowMaker make them. Notes missing rows, which another memory may make
/// later. Functions throw postgres::SqlFailure or Refusal.
class RowFinder {
 public:
  /// Everything referred to outlives it.
  RowFinder(AttemptContext& context, const EnteredSources& sources, const PlannedRow& planned)
      : context_(context), sources_(sources), planned_(planned), table_(*planned.table), maker_(context, planned) {}

  /// Fills in the instances' images.
  void Find(std::vector<Instance>& instances);

 private:
  std::set<std::size_t> SpeakersBefore() const;
  void FindOwn(std::vector<Instance>& instances);
  void WaitForMissing(std::vector<Instance>& instances);
  void NoteMissing(const Instance& instance);

  AttemptContext& context_;
  const EnteredSources& sources_;
  const PlannedRow& planned_;
  const TargetTable& table_;
  RowMaker maker_;
};

}  // namespace membridge::sync
