#pragma once

#include <optional>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Makes the target rows of one row of the mapping that are not there yet. Functions throw postgres::SqlFailure or Refusal.
class RowMaker {
 public:
  /// Both outlive it.
  RowMaker(AttemptContext& context, const PlannedRow& planned) : context_(context), planned_(planned), table_(*planned.table) {}

  /// Makes rows for keys that were not found. Others may be making the same one: the keys are locked first and looked for again,
  /// and of several instances that share a key the first one makes the row and the others find it.
  void MakeByKeys(std::vector<Instance*> wanted);
  /// Makes one row for each that has a value for every column that needs one.
  void Make(const std::vector<Instance*>& wanted);

  /// The values that a new row would start with; nothing when one that it needs is missing, and the instance knows which.
  std::optional<nlohmann::json> ValuesFor(Instance& instance);

 private:
  void PutLateValues(const Instance& instance, nlohmann::json& row) const;
  void RefuseAlteredKeys(const std::vector<Instance*>& made, const std::vector<Image>& images);

  AttemptContext& context_;
  const PlannedRow& planned_;
  const TargetTable& table_;
};

}  // namespace membridge::sync
