#include "sync/apply/orphan_tables.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "mappings/base/table_name.hpp"
#include "sync/apply/known_tables.hpp"
#include "sync/apply/refusal.hpp"
#include "sync/catalog/catalog_reader.hpp"

namespace membridge::sync {

bool OrphanTables::Follow(const std::vector<std::string>& relations) {
  for (const std::string& relation : relations) {
    const bool is_planned = std::any_of(context_.plan.rows.begin(), context_.plan.rows.end(),
                                        [&](const PlannedRow& planned) { return planned.table->Relation() == relation; });
    if (is_planned || tables_.contains(relation)) continue;
    // Only this class uses the table, and the catalogue may be out of date or lack it.
    CatalogRequest request;
    request.tables.emplace();
    if (const auto name = SchemaAndTable(relation)) request.tables->push_back({name->first, name->second});
    mappings::Catalog& catalog = catalogs_.emplace_back(ReadCatalog(context_.transaction, request));
    KnownTables{context_.transaction}.DeclareIdentities(catalog, {relation});
    const mappings::Table* definition = catalog.FindRelation(relation);
    PlannedRow& planned = tables_[relation];
    if (definition == nullptr || definition->Identity().empty()) continue;
    const std::set<std::string> read =
        KnownTables::ColumnsInLedger(context_.transaction, TargetTable{*definition, std::nullopt, context_.plan.role});
    planned.table =
        std::make_unique<TargetTable>(*definition, std::nullopt, context_.plan.role, read, context_.plan.mapping->timezone);
    KnownTables known{context_.transaction};
    known.Hold({planned.table.get()});
    if (!known.Follow({planned.table.get()}).is_current)
      throw Refusal(ErrorCode::kUnavailable, relation + " was altered while it was read", "the bridge tries again by itself");
  }
  return !tables_.empty();
}

const PlannedRow* OrphanTables::Find(const std::string& relation) {
  const auto known = tables_.find(relation);
  if (known != tables_.end()) return known->second.table ? &known->second : nullptr;
  PlannedRow planned;
  std::optional<mappings::Liveness> live;
  std::set<std::string> read;
  const TargetTable* table = nullptr;
  for (const PlannedRow& other : context_.plan.rows) {
    if (other.table->Relation() != relation) continue;
    table = other.table.get();
    planned.key_columns.insert(other.key_columns.begin(), other.key_columns.end());
    if (const auto liveness = LivenessOf(*other.row, table->Definition(), *context_.plan.mapping)) live.emplace(*liveness);
  }
  for (std::size_t column = 0; column < table->Definition().columns.size(); ++column) {
    if (table->Reads(column)) read.insert(table->At(column).name);
  }
  planned.table =
      std::make_unique<TargetTable>(table->Definition(), live, context_.plan.role, read, context_.plan.mapping->timezone);
  return &tables_.emplace(relation, std::move(planned)).first->second;
}

}  // namespace membridge::sync
