#include "sync/apply/needed_rights.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mappings/check/check.hpp"
#include "mappings/evaluate.hpp"
#include "sync/apply/plan.hpp"

namespace membridge::sync {
namespace {

using mappings::Assignment;
using mappings::Cell;
using mappings::Row;
using mappings::Table;
using postgres::QuoteName;

/// What one row's statements do with its table.
struct NeededRights {
  std::set<std::string> select, insert, update;
  bool locks = false;  ///< rows that are written are locked first, which takes a right to change some column
  bool deletes = false;
};

void AddColumns(const std::vector<Assignment>& assignments, std::set<std::string>& columns) {
  for (const Assignment& one : assignments) {
    if (one.cell.kind != Cell::Kind::kGroup) columns.insert(one.cell.column);
    for (const Cell& member : one.cell.members) columns.insert(member.column);
  }
}

NeededRights NeededBy(const mappings::Mapping& mapping, const Row& row, const Table& table) {
  NeededRights needed;
  if (const auto read = ColumnsRead(mapping, row); read && !row.history) {
    needed.select = *read;
  } else {
    for (const mappings::Column& column : table.columns) needed.select.insert(column.name);
  }
  for (const std::string& column : table.Identity()) needed.select.insert(column);
  const bool speaks = row.create || !row.set.empty();
  if (row.create) {
    for (const mappings::Key& key : row.keys) AddColumns(key.parts, needed.insert);
    for (const auto* assignments : {&row.fresh, &row.set, &row.touch}) AddColumns(*assignments, needed.insert);
    if (row.history) needed.insert.insert({row.history->from});
  }
  AddColumns(row.set, needed.update);
  AddColumns(row.add, needed.update);
  if (speaks && !row.set.empty()) AddColumns(row.touch, needed.update);
  // When a row was found by another key, its empty key columns are filled in.
  if (speaks && row.keys.size() > 1) {
    for (const mappings::Key& key : row.keys) {
      std::set<std::string> columns;
      AddColumns(key.parts, columns);
      for (const std::string& name : columns) {
        const mappings::Column* column = table.Find(name);
        if (column != nullptr && !column->not_null) needed.update.insert(name);
      }
    }
  }
  if (row.history) needed.update.insert(row.history->to);
  if (row.gone_deletes && row.live) needed.update.insert(row.live->column);
  needed.locks = speaks || !row.add.empty();
  needed.deletes = row.gone_deletes && !row.live;
  return needed;
}

/// The role that the mapping's statements run under; nothing: the session's own.
std::optional<std::string> RoleOf(const mappings::Mapping& mapping) {
  const auto role = mapping.session.find("role");
  if (role == mapping.session.end()) return std::nullopt;
  mappings::Scope scope;
  scope.Set("vars", &mapping.vars);
  return mappings::TextOfSetting(role->second, scope);
}

/// One row's check.
class RightsOfRow {
 public:
  RightsOfRow(postgres::Transaction& transaction, std::string role, const Row& row, const Table& table,
              mappings::Diagnostics& problems)
      : transaction_(transaction), role_(std::move(role)), row_(row), table_(table), problems_(problems) {}

  void Check(const NeededRights& needed) {
    if (!Has("pg_catalog.has_schema_privilege($1::name, $2, 'USAGE')", {role_, table_.schema})) {
      Tell("USAGE", "schema " + table_.schema, "GRANT USAGE ON SCHEMA " + QuoteName(table_.schema) + " TO " + QuoteName(role_));
      return;
    }
    CheckColumns("SELECT", needed.select);
    CheckColumns("INSERT", needed.insert);
    CheckColumns("UPDATE", needed.update);
    if (needed.locks && needed.update.empty() &&
        !Has("pg_catalog.has_any_column_privilege($1::name, $2::oid, 'UPDATE')", {role_, table_.oid})) {
      const auto columns =
          row_.keys.empty() ? table_.Identity() : std::vector<std::string>{row_.keys.front().parts.front().cell.column};
      Tell("UPDATE", NameOfTable() + " (any column, to lock its rows)",
           fmt::format("GRANT UPDATE ({}) ON {} TO {}", QuoteName(columns.front()), Quoted(), QuoteName(role_)));
    }
    if (needed.deletes && !Has("pg_catalog.has_table_privilege($1::name, $2::oid, 'DELETE')", {role_, table_.oid}))
      Tell("DELETE", NameOfTable(), fmt::format("GRANT DELETE ON {} TO {}", Quoted(), QuoteName(role_)));
    if (row_.create) CheckSequences(needed.insert);
  }

 private:
  bool Has(const std::string& question, const std::vector<postgres::Param>& params) {
    return transaction_.Run("SELECT " + question, params).Bool(0, 0);
  }

  void CheckColumns(const std::string& right, const std::set<std::string>& columns) {
    std::vector<std::string> missing;
    for (const std::string& column : columns) {
      if (table_.Find(column) == nullptr) continue;
      if (!Has("pg_catalog.has_column_privilege($1::name, $2::oid, $3::text, $4::text)", {role_, table_.oid, column, right}))
        missing.push_back(column);
    }
    if (missing.empty()) return;
    std::vector<std::string> quoted;
    for (const std::string& column : missing) quoted.push_back(QuoteName(column));
    Tell(right, fmt::format("{} ({})", NameOfTable(), fmt::join(missing, ", ")),
         fmt::format("GRANT {} ({}) ON {} TO {}", right, fmt::join(quoted, ", "), Quoted(), QuoteName(role_)));
  }

  /// The sequences that number a new row. An identity column's needs no right of its own.
  void CheckSequences(const std::set<std::string>& given) {
    const postgres::Rows used = transaction_.Run(
        "SELECT a.attname, n.nspname, s.relname, pg_catalog.has_sequence_privilege($1::name, s.oid, 'USAGE') "
        "FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum "
        "JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.objid = d.oid "
        "AND p.refclassid = 'pg_catalog.pg_class'::regclass "
        "JOIN pg_catalog.pg_class s ON s.oid = p.refobjid AND s.relkind = 'S' "
        "JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace WHERE d.adrelid = $2::oid ORDER BY a.attnum",
        {role_, table_.oid});
    for (std::size_t i = 0; i < used.size(); ++i) {
      if (used.Bool(i, 3) || given.contains(std::string{used.Text(i, 0)})) continue;
      const std::string sequence = QuoteName(used.Text(i, 1)) + "." + QuoteName(used.Text(i, 2));
      Tell("USAGE", fmt::format("sequence {}.{}", used.Text(i, 1), used.Text(i, 2)),
           fmt::format("GRANT USAGE ON SEQUENCE {} TO {}", sequence, QuoteName(role_)));
    }
  }

  std::string NameOfTable() const { return table_.schema + "." + table_.name; }
  std::string Quoted() const { return QuoteName(table_.schema) + "." + QuoteName(table_.name); }
  void Tell(const std::string& right, const std::string& object, const std::string& grant) {
    problems_.Error(row_.table_place, fmt::format("role \"{}\" has no {} right on {}: {}", role_, right, object, grant));
  }

  postgres::Transaction& transaction_;
  const std::string role_;
  const Row& row_;
  const Table& table_;
  mappings::Diagnostics& problems_;
};

}  // namespace

void CheckRights(postgres::Session& session, const mappings::Mapping& mapping, const mappings::Catalog& catalog,
                 mappings::Diagnostics& problems) {
  postgres::Transaction transaction = session.Begin();
  const std::string own{transaction.Run("SELECT current_user").Text(0, 0)};
  const std::string role = RoleOf(mapping).value_or(own);
  const mappings::Place place = mapping.rows.empty() ? mappings::Place{mapping.file, 0, 0} : mapping.rows.front().place;
  if (role != own) {
    const postgres::Rows found =
        transaction.Run("SELECT pg_catalog.pg_has_role(r.oid, 'MEMBER') FROM pg_catalog.pg_roles r WHERE r.rolname = $1", {role});
    if (found.empty()) {
      problems.Error({mapping.file, place.line, place.column},
                     fmt::format("there is no role \"{}\"; create it, or correct \"session\"", role));
      return;
    }
    if (!found.Bool(0, 0)) {
      problems.Error({mapping.file, place.line, place.column}, fmt::format("role \"{}\" may not act as \"{}\": GRANT {} TO {}",
                                                                           own, role, QuoteName(role), QuoteName(own)));
    }
  }
  for (const Row& row : mapping.rows) {
    const Table* table = mappings::TableOf(row, mapping, catalog);
    if (table == nullptr || table->oid.empty()) continue;
    RightsOfRow{transaction, role, row, *table, problems}.Check(NeededBy(mapping, row, *table));
  }
}

}  // namespace membridge::sync
