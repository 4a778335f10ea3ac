#include "sync/explain/case_tables.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/table_name.hpp"
#include "mappings/check/check.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/table_writer.hpp"
#include "sync/catalog/readable_columns.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

std::vector<json> RowsIn(const json& rows) {
  std::vector<json> list;
  if (!rows.is_array()) return {rows};
  for (const json& row : rows) list.push_back(row);
  return list;
}

std::string ShownRow(const json& row) {
  return mappings::ExactText(row);
}

}  // namespace

TargetTable CaseTables::Named(const std::string& name) const {
  const auto parts = SchemaAndTable(name);
  const mappings::Table* table = parts ? mappings::FindTable(parts->first, parts->second, mapping_, catalog_) : nullptr;
  if (table == nullptr) throw CaseFailed(fmt::format("there is no table {}", name));
  return TargetTable{*table, std::nullopt, std::nullopt, ReadableColumns(transaction_, *table)};
}

void CaseTables::Given(const json& body) const {
  for (const auto& [name, rows] : body.items()) {
    std::vector<json> list;
    for (const json& row : RowsIn(rows)) list.push_back(ResolvedRow(row));
    TableWriter{Named(name), transaction_}.Insert(list);
  }
}

json CaseTables::IdentityFor(const TargetTable& table, const json& row, const std::string& step) const {
  json identity = json::object();
  for (const std::string& column : table.Definition().Identity()) {
    if (!row.contains(column))
      throw CaseFailed(fmt::format("{} of {}: the row needs its primary key column {}", step, table.Definition().name, column));
    identity[column] = row[column].is_string() ? row[column] : json(mappings::ExactText(row[column]));
  }
  return identity;
}

void CaseTables::Edit(const json& body) const {
  for (const auto& [name, rows] : body.items()) {
    const TargetTable table = Named(name);
    for (const json& written : RowsIn(rows)) {
      const json row = ResolvedRow(written);
      RowChange change;
      change.identity = IdentityFor(table, row, "edit");
      for (std::size_t c = 0; c < table.Definition().columns.size(); ++c) {
        const std::string& column = table.At(c).name;
        if (row.contains(column) && !change.identity.contains(column)) change.columns.emplace_back(c, row[column]);
      }
      for (const auto& [column, value] : row.items()) {
        if (!table.IndexOf(column)) throw CaseFailed(fmt::format("edit of {}: it has no column \"{}\"", name, column));
      }
      const auto before = TableReader{table, transaction_}.Fetch(TableReader::Lock::kWrite, {change.identity});
      if (!before.front()) throw CaseFailed(fmt::format("edit of {}: there is no row {}", name, ShownRow(change.identity)));
      TableWriter{table, transaction_}.Update({change}, {&*before.front()});
    }
  }
}

void CaseTables::Delete(const json& body) const {
  for (const auto& [name, rows] : body.items()) {
    const TargetTable table = Named(name);
    for (const json& written : RowsIn(rows)) {
      if (!written.is_object() || written.empty())
        throw CaseFailed(fmt::format("person_deletes of {}: a row is named by its columns, as in {{id: 1}}", name));
      const json row = ResolvedRow(written);
      std::vector<TargetTable::KeyColumn> key;
      for (const auto& [column, value] : row.items()) {
        const auto index = table.IndexOf(column);
        if (!index) throw CaseFailed(fmt::format("person_deletes of {}: it has no column \"{}\"", name, column));
        key.push_back({*index, false});
      }
      const auto found = TableReader{table, transaction_}.Find(TableReader::Lock::kWrite, key, {row}).front();
      if (found.size() != 1) {
        throw CaseFailed(fmt::format("person_deletes of {}: {} matches {}", name, found.empty() ? "no row" : "more than one row",
                                     ShownRow(row)));
      }
      TableWriter{table, transaction_}.Delete({table.IdentityOf(found.front())});
    }
  }
}

std::vector<std::string> CaseTables::Present(const std::map<std::string, std::set<json>>& rows, std::size_t most) const {
  std::vector<std::string> present;
  for (const auto& [relation, identities] : rows) {
    const std::vector<json> list{identities.begin(), identities.end()};
    const auto images = TableReader{Named(relation), transaction_}.Fetch(TableReader::Lock::kNone, list);
    for (std::size_t i = 0; i < images.size() && present.size() < most; ++i) {
      if (images[i]) present.push_back(relation + " " + ShownRow(list[i]));
    }
  }
  return present;
}

void CaseTables::Remember(const std::string& name, const std::string& relation, const json& identity) {
  rows_[name] = {relation, identity};
}

json CaseTables::ResolvedRow(const json& row) const {
  if (!row.is_object()) throw CaseFailed("a row is a map of columns");
  json resolved = json::object();
  for (const auto& [column, value] : row.items()) resolved[column] = Resolved(value, false);
  return resolved;
}

json CaseTables::Resolved(const json& value, bool strict) const {
  if (!value.is_string()) return value;
  const std::string text = value.get<std::string>();
  if (text.size() < 2 || text[0] != '$') return value;
  if (text[1] == '$' && strict) return text.substr(1);
  const auto dot = text.find('.');
  const std::string row = text.substr(1, dot == std::string::npos ? dot : dot - 1);
  const bool named = std::any_of(mapping_.rows.begin(), mapping_.rows.end(), [&](const auto& one) { return one.name == row; });
  if (!strict && (!named || dot == std::string::npos)) return value;
  const auto known = rows_.find(row);
  if (known == rows_.end() || dot == std::string::npos)
    throw CaseFailed(fmt::format("{} names no row of this mapping that the case has met", text));
  const TargetTable table = Named(known->second.first);
  const auto image = TableReader{table, transaction_}.Fetch(TableReader::Lock::kNone, {known->second.second}).front();
  const auto column = table.IndexOf(text.substr(dot + 1));
  if (!image || !column) throw CaseFailed(fmt::format("{} leads nowhere", text));
  return (*image)[*column] ? json(*(*image)[*column]) : json(nullptr);
}

}  // namespace membridge::sync
