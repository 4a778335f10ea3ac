#include "sync/apply/table_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "sync/apply/refusal.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::QuoteName;

/// Whether there is a json object after the first `length` steps of the path.
bool HasContainer(const json& document, const std::vector<std::string>& path, std::size_t length) {
  const json* at = &document;
  for (std::size_t i = 0; i < length; ++i) {
    if (!at->is_object() || !at->contains(path[i])) return false;
    at = &(*at)[path[i]];
  }
  return at->is_object();
}

/// The SQL of a json document after one more edit. `value_name`: the column of the record that holds the edit's value. `document`
/// is the present document; it gets the objects that the path needs.
std::string Edited(const std::string& expression, const PathEdit& edit, const std::string& value_name, json& document) {
  const std::string path = TableSql::PathLiteral(edit.path, edit.path.size());
  if (!edit.value) return fmt::format("({} OPERATOR(pg_catalog.#-) {})", expression, path);
  std::string with_objects = expression;
  json* at = &document;
  for (std::size_t length = 1; length < edit.path.size(); ++length) {
    if (!HasContainer(document, edit.path, length))
      with_objects = fmt::format("pg_catalog.jsonb_set({}, {}, '{{}}'::pg_catalog.jsonb)", with_objects,
                                 TableSql::PathLiteral(edit.path, length));
    at = &(*at)[edit.path[length - 1]];
    if (!at->is_object()) *at = json::object();
  }
  // A JSON null would arrive as SQL NULL and make the whole document NULL.
  return fmt::format("pg_catalog.jsonb_set({}, {}, coalesce(r.{}, 'null'::pg_catalog.jsonb))", with_objects, path, value_name);
}

/// Rows in which the same columns and paths change, so that one statement writes them.
struct Shape {
  std::vector<std::string> record;
  std::vector<std::size_t> members;
  json parameter = json::array();
};

}  // namespace

/// Converts what a statement returned under the mapping's time zone to UTC, because the ledger must not depend on the zone.
void TableWriter::ReadAgain(std::vector<std::optional<Image>>& images) const {
  if (!table_.Zone()) return;
  std::vector<json> identities;
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < images.size(); ++i) {
    if (!images[i]) continue;
    identities.push_back(table_.IdentityOf(*images[i]));
    places.push_back(i);
  }
  auto again = reader_.Fetch(TableReader::Lock::kNone, identities);
  // For a row that its own policy hides, keep what the statement returned.
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (again[i]) images[places[i]] = std::move(again[i]);
  }
}

void TableWriter::RefuseTwins(const std::vector<Image>& images) const {
  if (table_.Definition().HasUniqueIdentity()) return;
  std::vector<json> identities;
  for (const Image& image : images) identities.push_back(table_.IdentityOf(image));
  std::sort(identities.begin(), identities.end());
  if (std::adjacent_find(identities.begin(), identities.end()) != identities.end()) table_.RefuseAlike();
  reader_.Fetch(TableReader::Lock::kNone, identities);
}

std::vector<Image> TableWriter::Insert(const std::vector<json>& rows) const {
  // Columns that may be NULL and have no default are given as NULL, so that rows which differ only there share a statement.
  std::vector<bool> harmless;
  for (const mappings::Column& column : table_.Definition().columns) {
    const bool may_be_null = !column.not_null && !column.has_default && !column.generated && !column.identity;
    harmless.push_back(may_be_null &&
                       std::any_of(rows.begin(), rows.end(), [&](const auto& row) { return row.contains(column.name); }));
  }
  std::map<std::vector<std::size_t>, std::vector<std::size_t>> by_columns;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::vector<std::size_t> columns;
    for (std::size_t c = 0; c < harmless.size(); ++c) {
      if (harmless[c] || rows[i].contains(table_.At(c).name)) columns.push_back(c);
    }
    by_columns[columns].push_back(i);
  }
  std::vector<Image> images(rows.size());
  for (const auto& [columns, members] : by_columns) {
    std::vector<std::string> record{TableSql::Typed(TableSql::kNumber, "pg_catalog.int4")};
    std::vector<std::string> names;
    std::vector<std::string> values;
    for (const std::size_t c : columns) {
      record.push_back(TableSql::Typed(table_.At(c).name, sql_.TypeOf(c)));
      names.push_back(QuoteName(table_.At(c).name));
      values.push_back("r." + names.back());
    }
    std::vector<json> given;
    for (const std::size_t member : members) given.push_back(rows[member]);
    const std::string head = fmt::format(
        "INSERT INTO {} AS t ({}) SELECT {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) ORDER BY r.{}",
        table_.Quoted(), TableSql::Join(names, ", "), TableSql::Join(values, ", "), TableSql::Join(record, ", "),
        QuoteName(TableSql::kNumber));
    const postgres::Rows inserted = sql_.RunWrite(head + " RETURNING " + sql_.SelectList(), TableSql::Numbered(given));
    if (inserted.size() != members.size()) throw Swallowed("an INSERT", table_.Relation());
    for (std::size_t m = 0; m < members.size(); ++m) images[members[m]] = sql_.ImageAt(inserted, m, 0);
  }
  if (!table_.Zone()) return images;
  std::vector<std::optional<Image>> again(images.begin(), images.end());
  ReadAgain(again);
  for (std::size_t i = 0; i < images.size(); ++i) images[i] = std::move(*again[i]);
  return images;
}

std::vector<std::optional<Image>> TableWriter::Update(const std::vector<RowChange>& changes,
                                                      const std::vector<const Image*>& before) const {
  std::map<std::string, Shape> shapes;  // by what they assign
  for (std::size_t i = 0; i < changes.size(); ++i) {
    const RowChange& change = changes[i];
    std::vector<std::string> record{TableSql::Typed(TableSql::kNumber, "pg_catalog.int4")};
    std::vector<std::string> assignments;
    json values = json::object();
    for (std::size_t k = 0; k < table_.IdentityColumns().size(); ++k) {
      record.push_back(TableSql::Typed(TableSql::IdentityName(k), sql_.TypeOf(table_.IdentityColumns()[k])));
      values[TableSql::IdentityName(k)] = change.identity.at(table_.At(table_.IdentityColumns()[k]).name);
    }
    for (const auto& [column, value] : change.columns) {
      const std::string name = QuoteName(table_.At(column).name);
      record.push_back(TableSql::Typed(table_.At(column).name, sql_.TypeOf(column)));
      assignments.push_back(fmt::format("{0} = r.{0}", name));
      values[table_.At(column).name] = value;
    }
    std::size_t edit_number = 0;
    for (const auto& [column, edits] : change.paths) {
      const std::string name = QuoteName(table_.At(column).name);
      std::string edited = "t." + name + "::pg_catalog.jsonb";
      json document = (*before[i])[column] ? mappings::ParseExact(*(*before[i])[column]) : json();
      if (!document.is_object()) {
        document = json::object();
        edited = "'{}'::pg_catalog.jsonb";
      }
      for (const PathEdit& edit : edits) {
        const std::string value_name = edit.value ? fmt::format("membridge_e{}", edit_number++) : "";
        edited = Edited(edited, edit, value_name, document);
        if (!edit.value) continue;
        record.push_back(TableSql::Typed(value_name, "pg_catalog.jsonb"));
        values[value_name] = *edit.value;
      }
      assignments.push_back(fmt::format("{} = {}::{}", name, edited, sql_.TypeOf(column)));
    }
    Shape& shape = shapes[TableSql::Join(assignments, ", ")];
    if (shape.members.empty()) shape.record = std::move(record);
    values[std::string{TableSql::kNumber}] = i;
    shape.members.push_back(i);
    shape.parameter.push_back(std::move(values));
  }

  std::vector<std::optional<Image>> after(changes.size());
  for (const auto& [key, shape] : shapes) {
    std::vector<std::string> conditions;
    for (std::size_t k = 0; k < table_.IdentityColumns().size(); ++k)
      conditions.push_back(sql_.Equal(table_.IdentityColumns()[k], "t." + QuoteName(table_.At(table_.IdentityColumns()[k]).name),
                                      "r." + TableSql::IdentityName(k)));
    const std::string sql = fmt::format(
        "UPDATE {} AS t SET {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) WHERE {} AND {} RETURNING r.{}, "
        "{}",
        table_.Quoted(), key, TableSql::Join(shape.record, ", "), TableSql::Join(conditions, " AND "), TableSql::TakenForFew(),
        QuoteName(TableSql::kNumber), sql_.SelectList());
    const postgres::Rows rows = sql_.RunWrite(sql, shape.parameter);
    for (std::size_t row = 0; row < rows.size(); ++row) {
      auto& image = after[static_cast<std::size_t>(rows.Int(row, 0))];
      if (image) table_.RefuseAlike();
      image = sql_.ImageAt(rows, row, 1);
    }
  }
  ReadAgain(after);
  return after;
}

void TableWriter::Add(const std::vector<Increment>& increments) const {
  std::map<std::vector<std::size_t>, json> by_columns;
  for (const Increment& increment : increments) {
    std::vector<std::size_t> columns;
    json values = json::object();
    for (const auto& [column, value] : increment.columns) {
      columns.push_back(column);
      values[table_.At(column).name] = value;
    }
    for (std::size_t k = 0; k < table_.IdentityColumns().size(); ++k)
      values[TableSql::IdentityName(k)] = increment.identity.at(table_.At(table_.IdentityColumns()[k]).name);
    by_columns.try_emplace(columns, json::array()).first->second.push_back(std::move(values));
  }
  for (const auto& [columns, parameter] : by_columns) {
    std::vector<std::string> record;
    std::vector<std::string> conditions;
    std::vector<std::string> assignments;
    for (std::size_t k = 0; k < table_.IdentityColumns().size(); ++k) {
      record.push_back(TableSql::Typed(TableSql::IdentityName(k), sql_.TypeOf(table_.IdentityColumns()[k])));
      conditions.push_back(sql_.Equal(table_.IdentityColumns()[k], "t." + QuoteName(table_.At(table_.IdentityColumns()[k]).name),
                                      "r." + TableSql::IdentityName(k)));
    }
    for (const std::size_t column : columns) {
      record.push_back(TableSql::Typed(table_.At(column).name, sql_.TypeOf(column)));
      assignments.push_back(
          fmt::format("{0} = (coalesce(t.{0}, 0) OPERATOR(pg_catalog.+) r.{0})", QuoteName(table_.At(column).name)));
    }
    const postgres::Rows added = sql_.RunWrite(
        fmt::format("UPDATE {} AS t SET {} FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) WHERE {}",
                    table_.Quoted(), TableSql::Join(assignments, ", "), TableSql::Join(record, ", "),
                    TableSql::Join(conditions, " AND ")),
        parameter);
    if (added.Affected() != parameter.size()) throw Swallowed("an UPDATE", table_.Relation());
  }
}

void TableWriter::Delete(const std::vector<json>& identities) const {
  std::vector<std::string> record;
  std::vector<std::string> conditions;
  for (const std::size_t column : table_.IdentityColumns()) {
    record.push_back(TableSql::Typed(table_.At(column).name, sql_.TypeOf(column)));
    const std::string name = QuoteName(table_.At(column).name);
    conditions.push_back(sql_.Equal(column, "t." + name, "r." + name));
  }
  const std::string rows = fmt::format("pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb) AS r({}) WHERE {}",
                                       TableSql::Join(record, ", "), TableSql::Join(conditions, " AND "));
  // A transaction that refers to a row holds a lock on its key. DELETE would wait for it; this does not.
  sql_.Run(fmt::format("SELECT 1 FROM {} AS t, {} FOR UPDATE OF t NOWAIT", table_.Quoted(), rows), json(identities));
  const postgres::Rows gone = sql_.RunWrite(fmt::format("DELETE FROM {} AS t USING {}", table_.Quoted(), rows), json(identities));
  if (gone.Affected() > identities.size()) table_.RefuseAlike();
  if (gone.Affected() == identities.size()) return;
  const auto left = reader_.Fetch(TableReader::Lock::kNone, identities);
  if (std::any_of(left.begin(), left.end(), [](const auto& image) { return image.has_value(); }))
    throw Swallowed("a DELETE", table_.Relation());
}

}  // namespace membridge::sync
