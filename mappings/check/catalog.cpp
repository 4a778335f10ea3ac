#include "mappings/check/catalog.hpp"

#include <algorithm>

#include "mappings/base/table_name.hpp"

namespace membridge::mappings {
namespace {

std::string KeyOf(const std::string& schema, const std::string& name) {
  return schema + '\0' + name;
}

}  // namespace

const Column* Table::Find(const std::string& column) const {
  const auto found = std::find_if(columns.begin(), columns.end(), [&](const Column& one) { return one.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

namespace {

/// Returns the columns of the primary key, else of the first non-partial unique index of NOT NULL columns; empty when there is
/// none.
std::vector<std::string> UniqueIdentityOf(const Table& table) {
  for (const UniqueIndex& index : table.unique_indexes) {
    if (index.primary) return index.columns;
  }
  for (const UniqueIndex& index : table.unique_indexes) {
    const bool whole = std::all_of(index.columns.begin(), index.columns.end(), [&](const std::string& indexed) {
      const Column* column = table.Find(indexed);
      return column != nullptr && column->not_null;
    });
    if (whole && !index.partial && !index.columns.empty()) return index.columns;
  }
  return {};
}

}  // namespace

std::vector<std::string> Table::Identity() const {
  std::vector<std::string> unique = UniqueIdentityOf(*this);
  return unique.empty() ? declared_identity : unique;
}

bool Table::HasUniqueIdentity() const {
  return !UniqueIdentityOf(*this).empty();
}

void Catalog::Add(Table table) {
  std::string key = KeyOf(table.schema, table.name);
  tables_[std::move(key)] = std::move(table);
}

void Catalog::SetSearchPath(std::vector<std::string> schemas) {
  search_path_ = std::move(schemas);
}

const Table* Catalog::Find(const std::string& schema, const std::string& name) const {
  if (!schema.empty()) {
    const auto found = tables_.find(KeyOf(schema, name));
    return found == tables_.end() ? nullptr : &found->second;
  }
  for (const std::string& visible : search_path_) {
    const auto found = tables_.find(KeyOf(visible, name));
    if (found != tables_.end()) return &found->second;
  }
  return nullptr;
}

std::vector<const Table*> Catalog::Tables() const {
  std::vector<const Table*> tables;
  for (const auto& [key, table] : tables_) tables.push_back(&table);
  return tables;
}

const Table* Catalog::FindRelation(const std::string& relation) const {
  const auto name = SchemaAndTable(relation);
  return name ? Find(name->first, name->second) : nullptr;
}

Table* Catalog::FindForChange(const std::string& schema, const std::string& name) {
  const auto found = tables_.find(KeyOf(schema, name));
  return found == tables_.end() ? nullptr : &found->second;
}

std::vector<std::string> Catalog::Names() const {
  std::vector<std::string> names;
  for (const auto& [key, table] : tables_) {
    names.push_back(Find("", table.name) == &table ? QuotedIfNeeded(table.name) : NameOfTable(table.schema, table.name));
  }
  return names;
}

}  // namespace membridge::mappings
