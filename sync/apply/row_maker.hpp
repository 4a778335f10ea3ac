#pragma once

#include <optional>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Makes the missing target rows of one row of the mapping. Functions throw postgres::SqlFailure or Refusal.
class RowMaker {
 public:
  /// Both outlive it.
  RowMaker(AttemptContext& context, const PlannedRow& planned) : context_(context), planned_(planned), table_(*planned.table) {}

  /// Makes rows for keys that were not found. Another transaction may make the same row, so it first locks the keys and looks
  /// again. When several instances share a key, the first one makes the row and the others find it.
  void MakeByKeys(std::vector<Instance*> wanted);
  /// Makes one row for each instance that has a value for every column that needs one.
  void Make(const std::vector<Instance*>& wanted);

  /// Returns the values of a new row. Nothing when a needed value is missing; the instance then notes the column.
  std::optional<nlohmann::json> ValuesFor(Instance& instance);

 private:
  void PutLateValues(const Instance& instance, nlohmann::json& row) const;
  void RefuseAlteredKeys(const std::vector<Instance*>& made, const std::vector<Image>& images);

  AttemptContext& context_;
  const PlannedRow& planned_;
  const TargetTable& table_;
};

}  // namespace membridge::sync
