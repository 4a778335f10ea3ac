#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mappings/check/catalog.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/apply/told_rows.hpp"
#include "sync/erase/erased_rows.hpp"
#include "sync/erase/erasure.hpp"
#include "sync/erase/erasure_target.hpp"
#include "sync/postgres/session.hpp"

namespace membridge::sync {

/// Erases what a person's sources left in rows and cells of a target. Private to erasure. The ledger decides whose a row is
/// (sync/apply/ownership.hpp): a row that has replaced the bridge's row is not touched. What has to stay is counted, and logged
/// with table and cell.
class ErasedCells {
 public:
  /// Brings the ledger in step with every table that it names. Everything referred to outlives it. Throws postgres::SqlFailure,
  /// and std::runtime_error when a table is altered at the same time.
  ErasedCells(postgres::Transaction& transaction, const ErasedSources& erased, ErasureCounts& counts, ToldRows& told);

  const mappings::Catalog& Catalog() const { return *catalog_; }
  std::shared_ptr<const mappings::Catalog> SharedCatalog() const { return catalog_; }
  const std::vector<std::string>& Relations() const { return relations_; }

  /// Deletes a row that the bridge made. Returns false when the row stays, because it belongs to a person by now or the database
  /// refuses.
  bool DeleteRow(const LedgerRow& row);
  /// Gives back cells in these rows of the ledger that still hold what the bridge wrote and that no source claims any more.
  /// Leaves cells that cannot be given back.
  void TakeBack(const std::vector<std::string>& row_ids);
  /// Counts the values that still stand in rows and cells that are not the bridge's any more, and forgets those that do not.
  void CountReleased();

 private:
  const TargetTable* TableOf(const std::string& relation) const;
  void Leave(const LedgerRow& row, const std::map<std::string, Content>& cells);
  void Tell(const std::string& relation, const std::string& cell);

  postgres::Transaction& transaction_;
  const ErasedSources& erased_;
  ErasureCounts& counts_;
  ToldRows& told_;
  Ledger ledger_;
  ErasedRows target_;
  std::vector<std::string> relations_;
  std::shared_ptr<const mappings::Catalog> catalog_;
  std::map<std::string, std::unique_ptr<TargetTable>> tables_;  // by relation; those whose rows can be found
};

}  // namespace membridge::sync
