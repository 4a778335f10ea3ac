#include "mappings/check/check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/letter_case.hpp"
#include "mappings/check/export_schema.hpp"
#include "mappings/check/liveness.hpp"
#include "mappings/check/row_check.hpp"
#include "mappings/files/cell_reader.hpp"
#include "mappings/language/functions.hpp"

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

/// One assignment of one row of a mapping.
struct WrittenCell {
  const Mapping* mapping;
  const Row* row;
  const Assignment* assignment;
};
/// What the mappings checked so far write, by table.
using Written = std::map<const Table*, std::vector<WrittenCell>>;

/// Returns the constant that a key part looks for, as text; null is a constant, too. Nothing when the value comes from a memory.
std::optional<nlohmann::json> ConstantOf(const Assignment& part, const Mapping& mapping) {
  nlohmann::json value;
  if (const auto* constant = std::get_if<Constant>(&part.value)) {
    value = part.cell.kind == Cell::Kind::kPath ? constant->typed : constant->value;
  } else if (const auto* expression = std::get_if<Expression>(&part.value); expression != nullptr && part.constant) {
    if (expression->Names().count("now") > 0) return std::nullopt;
    Scope scope;
    scope.Set("vars", &mapping.vars);
    value = expression->Evaluate(scope).value_or(nullptr);
  } else {
    return std::nullopt;
  }
  if (value.is_null()) return value;
  const auto text = TextOf(value);
  return text ? std::optional<nlohmann::json>{*text} : std::nullopt;
}

bool IsAscii(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

/// Whether the column's type certainly treats the two constants as different.
bool AreApart(const Cell& cell, const nlohmann::json& one, const nlohmann::json& other, const Table& table) {
  if (one.is_null() || other.is_null()) return one.is_null() != other.is_null();
  const Column* column = table.Find(cell.column);
  if (column == nullptr) return false;
  if (cell.kind == Cell::Kind::kPath) return one != other;
  const std::string first = one.get<std::string>();
  const std::string second = other.get<std::string>();
  const bool any_case = cell.kind == Cell::Kind::kLowered || column->base_type == "citext";
  if (any_case) return IsAscii(first) && IsAscii(second) && LoweredAscii(first) != LoweredAscii(second);
  Live live;
  live.shape = Live::Shape::kValue;
  live.column = column->name;
  live.is = {second, second};
  return !Liveness{live, *column, nullptr}.IsLive(first);
}

/// Whether no row can match both keys, because they look for different constants in the same column.
bool AreApart(const Key& one, const Mapping& by_one, const Key& other, const Mapping& by_other, const Table& table) {
  for (const Assignment& part : one.parts) {
    const auto constant = ConstantOf(part, by_one);
    if (!constant) continue;
    for (const Assignment& same : other.parts) {
      const auto against =
          same.cell.column == part.cell.column && same.cell.path == part.cell.path ? ConstantOf(same, by_other) : std::nullopt;
      // When one of the two keys is lower(column), compare in lower case: values that differ only in case are one row for that
      // key.
      const Cell& cell = part.cell.kind == Cell::Kind::kLowered ? part.cell : same.cell;
      if (against && AreApart(cell, *constant, *against, table)) return true;
    }
  }
  return false;
}

/// Whether constants in their keys ensure that the two write different rows, as attribute names do in a key/value table.
bool AreApart(const WrittenCell& one, const WrittenCell& other, const Table& table) {
  if (one.row->keys.empty() || other.row->keys.empty()) return false;
  return std::all_of(one.row->keys.begin(), one.row->keys.end(), [&](const Key& key) {
    return std::all_of(other.row->keys.begin(), other.row->keys.end(),
                       [&](const Key& against) { return AreApart(key, *one.mapping, against, *other.mapping, table); });
  });
}

// Only one mapping may write a cell. Otherwise the cell's value would depend on which mapping ran last.
void RefuseSharedCells(const Mapping& mapping, const RowTables& tables, Written& written, Diagnostics& problems) {
  Written own;
  for (const Row& row : mapping.rows) {
    const auto table = tables.find(row.name);
    if (table == tables.end()) continue;
    for (const auto* assignments : {&row.set, &row.add}) {
      for (const Assignment& one : *assignments) {
        const WrittenCell cell{&mapping, &row, &one};
        for (const WrittenCell& other : written[table->second]) {
          if (!Overlap(one.cell, other.assignment->cell) || AreApart(cell, other, *table->second)) continue;
          const Place& there = other.assignment->cell_place;
          problems.Error(one.cell_place, fmt::format("{}.{} is also written by {}:{}:{}; a cell belongs to one mapping",
                                                     table->second->name, one.cell.name, there.file, there.line, there.column));
          break;
        }
        own[table->second].push_back(cell);
      }
    }
  }
  for (auto& [table, cells] : own) written[table].insert(written[table].end(), cells.begin(), cells.end());
}

}  // namespace

void CheckAgainst(const Catalog& known, const std::vector<const Mapping*>& mappings, Diagnostics& problems) {
  Catalog catalog = known;
  DeclareIdentities(catalog, mappings);
  Written written;
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
