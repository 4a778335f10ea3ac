#include "sync/apply/plan.hpp"

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "mappings/base/table_name.hpp"
#include "mappings/check/check.hpp"
#include "mappings/evaluate.hpp"
#include "mappings/files/value_reader.hpp"
#include "mappings/language/expression_node.hpp"

namespace membridge::sync {
namespace {

using mappings::Assignment;
using mappings::Cell;
using mappings::Expression;
using mappings::Mapping;
using mappings::Row;

void AddColumnsOf(const Cell& cell, std::set<std::string>& columns) {
  if (cell.kind != Cell::Kind::kGroup) columns.insert(cell.column);
  for (const Cell& member : cell.members) AddColumnsOf(member, columns);
}

void ForEachAssignment(const Row& row, const std::function<void(const Assignment&)>& visit) {
  for (const mappings::Key& key : row.keys) {
    for (const Assignment& part : key.parts) visit(part);
  }
  for (const auto* assignments : {&row.fresh, &row.set, &row.touch, &row.add}) {
    for (const Assignment& one : *assignments) visit(one);
  }
}

/// Returns the columns that the mapping's expressions read of the row under one of these names; nothing when one takes the row as
/// a whole.
std::optional<std::set<std::string>> AskedOf(const Mapping& mapping, const Row& asked) {
  std::set<std::string> columns;
  bool whole = false;
  for (const Row& row : mapping.rows) {
    const auto visit = [&](const Expression& expression) {
      mappings::ForEachPath(expression, [&](const mappings::Path& path) {
        const bool is_asked = path.name == asked.name || (path.name == "row" && &row == &asked);
        if (!is_asked) return;
        const auto* field = path.steps.empty() ? nullptr : std::get_if<std::string>(&path.steps.front());
        if (field == nullptr)
          whole = true;
        else
          columns.insert(*field);
      });
    };
    for (const Expression& condition : row.when) visit(condition);
    if (row.each) visit(*row.each);
    ForEachAssignment(row, [&](const Assignment& one) { mappings::ForEachExpression(one.value, visit); });
  }
  return whole ? std::nullopt : std::optional{std::move(columns)};
}

/// The columns that the mapping fills with what its other rows hold.
std::set<std::string> ReferencesOf(const Mapping& mapping, const Row& row) {
  std::set<std::string> columns;
  for (const auto* assignments : {&row.fresh, &row.set}) {
    for (const Assignment& one : *assignments) {
      bool refers = false;
      mappings::ForEachExpression(one.value, [&](const Expression& expression) {
        const std::set<std::string> names = expression.Names();
        refers = refers || std::ranges::any_of(mapping.rows, [&](const Row& other) { return names.contains(other.name); });
      });
      if (refers) AddColumnsOf(one.cell, columns);
    }
  }
  return columns;
}

}  // namespace

std::optional<std::set<std::string>> ColumnsRead(const Mapping& mapping, const Row& row) {
  auto columns = AskedOf(mapping, row);
  if (!columns) return std::nullopt;
  ForEachAssignment(row, [&](const Assignment& one) { AddColumnsOf(one.cell, *columns); });
  if (row.live) columns->insert(row.live->column);
  if (row.changed) columns->insert(*row.changed);
  columns->insert(row.identity.begin(), row.identity.end());
  if (row.now_column) columns->insert(*row.now_column);
  if (row.history) columns->insert({row.history->from, row.history->to});
  return columns;
}

bool MappingPlan::HasRow(const std::string& name, const std::string& relation) const {
  return std::any_of(rows.begin(), rows.end(), [&](const PlannedRow& planned) {
    return planned.row->name == name && planned.table->Relation() == relation;
  });
}

std::shared_ptr<const MappingPlan> MakePlan(const Mapping& mapping, std::shared_ptr<const mappings::Catalog> catalog,
                                            const std::map<std::string, std::set<std::string>>& remembered, bool tells_changes) {
  auto plan = std::make_shared<MappingPlan>();
  plan->tells_changes = tells_changes;
  // `truncate` without a number means this target's column, so each plan binds a copy of its own.
  auto bound = std::make_shared<Mapping>(mapping);
  mappings::BindLengths(*bound, *catalog);
  plan->mapping = std::move(bound);
  const bool declares =
      std::any_of(mapping.rows.begin(), mapping.rows.end(), [](const Row& row) { return !row.identity.empty(); });
  if (declares) {
    auto declared = std::make_shared<mappings::Catalog>(*catalog);
    mappings::DeclareIdentities(*declared, {&mapping});
    catalog = std::move(declared);
  }
  plan->catalog = std::move(catalog);
  mappings::Scope scope;
  scope.Set("vars", &plan->mapping->vars);
  for (const auto& [name, spec] : plan->mapping->session) {
    const auto text = mappings::TextOfSetting(spec, scope);
    if (!text) continue;
    if (name == "role")
      plan->role = *text;
    else
      plan->settings.emplace_back(name, *text);
  }
  // Rows of one table read the same columns, because one may settle what another wrote.
  std::map<const mappings::Table*, std::optional<std::set<std::string>>> read;
  std::vector<const mappings::Table*> tables;
  for (const Row& row : plan->mapping->rows) {
    const mappings::Table* table = mappings::TableOf(row, *plan->mapping, *plan->catalog);
    if (table == nullptr) throw std::invalid_argument(plan->mapping->file + ": there is no table " + row.TableName());
    tables.push_back(table);
    auto columns = ColumnsRead(*plan->mapping, row);
    // A counter has many speakers and no cells; and a row with history is copied from version to version.
    if (row.history) columns.reset();
    const auto [all, is_first] = read.try_emplace(table, columns);
    if (!is_first && all->second && columns) all->second->merge(*columns);
    if (!columns) all->second.reset();
    const auto known = remembered.find(NameOfTable(table->schema, table->name));
    if (all->second && known != remembered.end()) all->second->insert(known->second.begin(), known->second.end());
  }
  for (std::size_t i = 0; i < plan->mapping->rows.size(); ++i) {
    const Row& row = plan->mapping->rows[i];
    PlannedRow& planned = plan->rows.emplace_back();
    planned.row = &row;
    planned.table = std::make_unique<TargetTable>(*tables[i], LivenessOf(row, *tables[i], *plan->mapping), plan->role,
                                                  read.at(tables[i]), plan->mapping->timezone);
    planned.table->NoteReferences(ReferencesOf(*plan->mapping, row));
    planned.speaks = row.create || !row.set.empty();
    planned.remembers = row.add.empty() || !row.set.empty();
    for (const mappings::Key& key : row.keys) {
      for (const Assignment& part : key.parts) planned.key_columns.insert(part.cell.column);
    }
    ForEachAssignment(row, [&](const Assignment& one) {
      std::set<std::string> named;
      AddColumnsOf(one.cell, named);
      for (const std::string& column : named) {
        if (tables[i]->Find(column) == nullptr)
          throw std::invalid_argument(tables[i]->name + " has no column \"" + column + "\"");
      }
    });
  }
  return plan;
}

}  // namespace membridge::sync
