#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "sync/apply/attempt_context.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/work.hpp"

namespace membridge::sync {

/// Removes target rows that no memory speaks for any more. It collects them while the levels are settled, and removes them last.
/// Functions throw postgres::SqlFailure or Refusal.
class RowRemover {
 public:
  /// The context outlives it.
  explicit RowRemover(AttemptContext& context) : context_(context) {}

  /// Notes a row to remove. The planned row outlives the remover.
  void Doom(const PlannedRow& planned, const Work& work);
  /// Removes the noted rows: deletes them, or marks them dead where the mapping has a soft-delete column.
  void RemoveAll();

 private:
  struct Doomed {
    const TargetTable* table;
    LedgerRow row;
    std::optional<std::size_t> now_column;
    std::optional<std::size_t> changed_column;
    std::set<std::size_t> sources;
    nlohmann::json was;
  };
  bool Remove(const std::vector<Doomed*>& group, bool may_wait);
  void DeleteRows(const TargetTable& table, const std::vector<Doomed*>& group);
  void MarkDead(const TargetTable& table, const std::vector<Doomed*>& group);

  AttemptContext& context_;
  std::vector<Doomed> doomed_;
};

}  // namespace membridge::sync
