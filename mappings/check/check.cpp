#include "mappings/check/check.hpp"

#include <fmt/format.h>

#include "mappings/check/export_schema.hpp"
#include "mappings/check/row_check.hpp"
#include "mappings/files/cell_reader.hpp"

namespace membridge::mappings {
namespace {

RowTables FindTables(const Mapping& mapping, const Catalog& catalog, Diagnostics& problems) {
  RowTables tables;
  for (const Row& row : mapping.rows) {
    if (const Table* table = TableOf(row, mapping, catalog)) {
      tables.emplace(row.name, table);
    } else {
      problems.Error(row.table_place,
                     fmt::format("there is no table \"{}\"{}", row.TableName(), DidYouMean(row.TableName(), catalog.Names())));
    }
  }
  return tables;
}

/// What other mappings write, by table.
using AssignmentsByTable = std::map<const Table*, std::vector<const Assignment*>>;

// Who wrote a cell last must not depend on which mapping ran first, so a cell has one mapping.
void RefuseSharedCells(const Mapping& mapping, const RowTables& tables, AssignmentsByTable& written, Diagnostics& problems) {
  AssignmentsByTable own;
  for (const Row& row : mapping.rows) {
    const auto table = tables.find(row.name);
    if (table == tables.end()) continue;
    for (const auto* assignments : {&row.set, &row.add}) {
      for (const Assignment& one : *assignments) {
        for (const Assignment* other : written[table->second]) {
          if (!Overlap(one.cell, other->cell)) continue;
          const Place& there = other->cell_place;
          problems.Error(one.cell_place, fmt::format("{}.{} is also written by {}:{}:{}; a cell belongs to one mapping",
                                                     table->second->name, one.cell.name, there.file, there.line, there.column));
          break;
        }
        own[table->second].push_back(&one);
      }
    }
  }
  for (auto& [table, cells] : own) written[table].insert(written[table].end(), cells.begin(), cells.end());
}

}  // namespace

void CheckAgainst(const Catalog& catalog, const std::vector<const Mapping*>& mappings, Diagnostics& problems) {
  AssignmentsByTable written;
  for (const Mapping* mapping : mappings) {
    const RowTables tables = FindTables(*mapping, catalog, problems);
    for (const Row& row : mapping->rows) {
      const auto table = tables.find(row.name);
      if (table != tables.end()) RowCheck{*mapping, row, *table->second, tables, problems}.Check();
    }
    RefuseSharedCells(*mapping, tables, written, problems);
    CheckAskedFields(*mapping, catalog, problems);
  }
}

}  // namespace membridge::mappings
