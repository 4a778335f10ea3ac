#include "sync/apply/known_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "mappings/base/exact_json.hpp"
#include "mappings/base/table_name.hpp"
#include "sync/apply/cells.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/apply/rewritten_cells.hpp"
#include "sync/catalog/catalog_reader.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;
using postgres::Param;
using postgres::Rows;

constexpr const char* kRowsAtOnce = "1000";

void AddColumns(const mappings::Cell& cell, std::set<std::string>& columns) {
  if (cell.kind != mappings::Cell::Kind::kGroup) columns.insert(cell.column);
  for (const mappings::Cell& member : cell.members) AddColumns(member, columns);
}

const mappings::Column* Numbered(const mappings::Table& table, int number) {
  const auto found =
      std::find_if(table.columns.begin(), table.columns.end(), [&](const auto& column) { return column.number == number; });
  return found == table.columns.end() ? nullptr : &*found;
}

}  // namespace

std::set<std::string> ColumnsOfCell(const TargetTable& table, const std::string& name) {
  std::set<std::string> columns;
  const bool is_container = name.size() > 2 && name.starts_with('{');
  if (const auto cell = CellNamed(table, is_container ? name.substr(1, name.size() - 2) : name)) AddColumns(*cell, columns);
  return columns;
}

/// The ledger's record of a table, and how the table changed since.
struct KnownTables::Record {
  bool exists = false;
  bool is_complete = false;        ///< every column the bridge reads is in it
  json columns = json::object();   ///< as they are to be recorded now
  json recorded = json::object();  ///< those of them that were recorded before
  std::set<std::string> named;     ///< without a record: what the cells' names say
  ColumnChanges changes;
  bool IsUpToDate() const { return exists && is_complete && changes.IsEmpty(); }
};

std::set<std::string> KnownTables::ColumnsInLedger(postgres::Transaction& transaction, const TargetTable& table) {
  const Record record = KnownTables{transaction}.RecordOf(table);
  std::set<std::string> columns;
  if (record.exists) {
    for (const auto& [name, column] : record.recorded.items()) columns.insert(name);
    return columns;
  }
  return record.named;
}

std::string NameInLedger(std::string_view schema, std::string_view table) {
  const auto part = [](std::string_view name) {
    return fmt::format(R"((CASE WHEN {0} ~ '[.]|^"|^\s|\s$' THEN '"' || pg_catalog.replace({0}::text, '"', '""') || '"' )"
                       "ELSE {0}::text END)",
                       name);
  };
  return fmt::format("({} || '.' || {})", part(schema), part(table));
}

void KnownTables::DeclareIdentities(mappings::Catalog& catalog, const std::vector<std::string>& relations) const {
  const Rows known = transaction_.Run(
      "SELECT DISTINCT r.relation, k.name FROM membridge.rows AS r "
      "CROSS JOIN LATERAL pg_catalog.jsonb_object_keys(r.identity) AS k (name) WHERE r.relation = ANY ($1::text[]) ORDER BY 1, 2",
      {postgres::ArrayOf({relations.begin(), relations.end()})});
  for (std::size_t row = 0; row < known.size(); ++row) {
    const auto name = SchemaAndTable(known.Text(row, 0));
    mappings::Table* table = name ? catalog.FindForChange(name->first, name->second) : nullptr;
    const std::string column{known.Text(row, 1)};
    if (table != nullptr && !table->HasUniqueIdentity() && table->Find(column) != nullptr)
      table->declared_identity.push_back(column);
  }
}

void KnownTables::FollowNames() {
  const std::string name = NameInLedger("n.nspname", "c.relname");
  const Rows renamed = transaction_.Run(
      "SELECT k.relation, w.name FROM membridge.known_tables k JOIN pg_catalog.pg_class c ON c.oid = k.oid "
      "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN LATERAL (SELECT " +
      name +
      " AS name) AS w WHERE w.name <> k.relation AND NOT EXISTS (SELECT FROM pg_catalog.pg_class o "
      "JOIN pg_catalog.pg_namespace p ON p.oid = o.relnamespace WHERE " +
      NameInLedger("p.nspname", "o.relname") +
      " = k.relation) AND NOT EXISTS (SELECT FROM membridge.known_tables o WHERE o.relation = w.name) ORDER BY 1 FOR UPDATE OF "
      "k");
  for (std::size_t i = 0; i < renamed.size(); ++i) {
    const std::vector<Param> names{std::string{renamed.Text(i, 0)}, std::string{renamed.Text(i, 1)}};
    transaction_.Run("UPDATE membridge.waiting SET woken = true WHERE relation = $1 AND NOT woken", {names[0]});
    for (const char* table : {"known_tables", "rows", "versions", "released", "sought", "made"})
      transaction_.Run(std::string{"UPDATE membridge."} + table + " SET relation = $2 WHERE relation = $1", names);
  }
}

void KnownTables::Hold(const std::vector<const TargetTable*>& tables) const {
  if (tables.empty()) return;
  std::string sql;
  std::set<std::string> held;
  for (const TargetTable* table : tables) {
    if (held.insert(table->Relation()).second)
      sql += (sql.empty() ? "SELECT 1 FROM " : " UNION ALL SELECT 1 FROM ") + table->Quoted() + " WHERE false";
  }
  const auto& role = tables.front()->Role();
  if (role) transaction_.Run("SET LOCAL ROLE " + postgres::QuoteName(*role));
  transaction_.Run(sql);
  if (role) transaction_.Run("SET LOCAL ROLE NONE");
}

KnownTables::Followed KnownTables::Follow(const std::vector<const TargetTable*>& tables) {
  std::vector<Param> schemas;
  std::vector<Param> names;
  std::vector<Param> relations;
  std::map<std::string, const TargetTable*> by_relation;
  for (const TargetTable* table : tables) {
    if (!by_relation.emplace(table->Relation(), table).second) continue;
    schemas.emplace_back(table->Definition().schema);
    names.emplace_back(table->Definition().name);
    relations.emplace_back(table->Relation());
  }
  const Rows standing = transaction_.Run("SELECT w.relation, coalesce(" + FingerprintInSql("c.oid") +
                                             ", ''), c.oid IS NOT NULL, k.oid::bigint, k.columns::text "
                                             "FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[]), "
                                             "pg_catalog.unnest($3::text[])) AS w (schema, name, relation) "
                                             "LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = w.schema "
                                             "LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = w.name "
                                             "LEFT JOIN membridge.known_tables k ON k.relation = w.relation",
                                         {postgres::ArrayOf(schemas), postgres::ArrayOf(names), postgres::ArrayOf(relations)});
  Followed followed;
  for (std::size_t i = 0; i < standing.size(); ++i) {
    const TargetTable& table = *by_relation.at(std::string{standing.Text(i, 0)});
    if (standing.Bool(i, 2) && standing.Text(i, 1) == table.Definition().fingerprint) continue;
    followed.is_current = false;
    return followed;
  }
  for (std::size_t i = 0; i < standing.size(); ++i) {
    const std::string relation{standing.Text(i, 0)};
    const TargetTable* table = by_relation.at(relation);
    Record record = RecordFrom(*table, standing, i, 3);
    if (!record.IsUpToDate()) {
      // Another transaction may have done this while we waited.
      transaction_.Run("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('membridge.known_tables ' || $1, 0))",
                       {relation});
      if (!record.exists) FollowNames();
      record = RecordOf(*table);
      if (!record.changes.IsEmpty()) Rewrite(*table, record);
      if (!record.IsUpToDate()) Save(*table, record);
    }
    std::set<std::string>& remembered = followed.remembered[relation];
    for (const auto& [name, column] : record.columns.items()) {
      if (table->IndexOf(name)) remembered.insert(name);
    }
  }
  return followed;
}

KnownTables::Record KnownTables::RecordOf(const TargetTable& table) {
  return RecordFrom(table,
                    transaction_.Run("SELECT k.oid::bigint, k.columns::text FROM (SELECT $1::text AS relation) AS w "
                                     "LEFT JOIN membridge.known_tables k ON k.relation = w.relation",
                                     {table.Relation()}),
                    0, 0);
}

KnownTables::Record KnownTables::RecordFrom(const TargetTable& table, const Rows& known, std::size_t row, std::size_t first) {
  const mappings::Table& definition = table.Definition();
  Record record;
  std::set<std::string> recorded;
  if (!known.IsNull(row, first)) {
    record.exists = true;
    const bool is_same = known.Text(row, first) == definition.oid;
    const json columns = mappings::ParseExact(known.Text(row, first + 1));
    for (const auto& [name, column] : columns.items()) {
      const mappings::Column* now = is_same ? Numbered(definition, column.at("n").get<int>()) : definition.Find(name);
      if (now == nullptr) {
        record.changes.dropped.insert(name);
        continue;
      }
      if (now->name != name) record.changes.renamed[name] = now->name;
      const std::string before = column.at("t").get<std::string>();
      if (before != now->sql_type) record.changes.retyped[now->name] = {before, now->sql_type};
      record.columns[now->name] = {{"n", now->number}, {"t", now->sql_type}};
    }
    record.changes.is_other_table = !is_same;
  } else {
    // A ledger from before tables were recorded, or a table that is new to it.
    const Rows cells = transaction_.Run(
        "SELECT DISTINCT pg_catalog.jsonb_object_keys(cells) FROM membridge.rows WHERE relation = $1", {table.Relation()});
    for (std::size_t i = 0; i < cells.size(); ++i) recorded.merge(ColumnsOfCell(table, std::string{cells.Text(i, 0)}));
  }
  record.recorded = record.columns;
  record.named = recorded;
  for (std::size_t i = 0; i < definition.columns.size(); ++i) {
    if (table.Reads(i)) recorded.insert(definition.columns[i].name);
  }
  const std::size_t before = record.columns.size();
  for (const std::string& name : recorded) {
    const mappings::Column& column = *definition.Find(name);
    if (!record.columns.contains(name)) record.columns[name] = {{"n", column.number}, {"t", column.sql_type}};
  }
  record.is_complete = record.columns.size() == before;
  return record;
}

void KnownTables::Save(const TargetTable& table, const Record& record) {
  transaction_.Run(
      "INSERT INTO membridge.known_tables (relation, oid, columns) VALUES ($1, $2::oid, $3::jsonb) "
      "ON CONFLICT (relation) DO UPDATE SET oid = excluded.oid, columns = excluded.columns",
      {table.Relation(), table.Definition().oid, mappings::ExactText(record.columns)});
}

void KnownTables::Rewrite(const TargetTable& table, const Record& record) {
  if (record.changes.IsOnlyOtherTable()) return;
  // Runs once per change of the table, over all its rows in the ledger.
  const std::string before{
      transaction_
          .Run("SELECT pg_catalog.current_setting('statement_timeout'), pg_catalog.set_config('statement_timeout', '0', true)")
          .Text(0, 0)};
  RewriteRows(table, record);
  RewriteVersions(table, record);
  // Waits for rows of the table name its columns by their old names.
  transaction_.Run("UPDATE membridge.waiting SET woken = true WHERE relation = $1 AND NOT woken", {table.Relation()});
  transaction_.Run("SELECT pg_catalog.set_config('statement_timeout', $1, true)", {before});
}

/// A page of a table's rows in the ledger and the contributions to them, with the columns' present names.
struct KnownTables::Page {
  std::vector<json> identities;  // as they stand in the ledger
  std::vector<json> rows;
  std::vector<json> contributions;
};

KnownTables::Page KnownTables::ReadPage(const Rows& rows, const RewrittenCells& rewriting) const {
  Page page;
  json ids = json::array();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    page.identities.push_back(mappings::ParseExact(rows.Text(i, 1)));
    page.rows.push_back({{"id", rows.Int(i, 0)},
                         {"identity", rewriting.RenamedColumns(page.identities.back())},
                         {"cells", rewriting.RenamedCells(mappings::ParseExact(rows.Text(i, 2)))},
                         {"keys", rewriting.RenamedKeys(mappings::ParseExact(rows.Text(i, 3)))},
                         {"made", rewriting.RenamedColumns(mappings::ParseExact(rows.Text(i, 4)))}});
    ids.push_back(rows.Int(i, 0));
  }
  const Rows said = transaction_.Run(
      "SELECT c.row_id, c.project, c.mapping, c.source, c.name, c.item, c.cells::text FROM "
      "pg_catalog.jsonb_array_elements_text($1::jsonb) AS r(id) "
      "JOIN membridge.contributions AS c ON c.row_id = r.id::bigint",
      {mappings::ExactText(ids)});
  for (std::size_t i = 0; i < said.size(); ++i) {
    page.contributions.push_back({{"r", said.Int(i, 0)},
                                  {"p", said.Text(i, 1)},
                                  {"m", said.Text(i, 2)},
                                  {"s", said.Text(i, 3)},
                                  {"n", said.Text(i, 4)},
                                  {"i", said.Text(i, 5)},
                                  {"c", rewriting.RenamedClaims(mappings::ParseExact(said.Text(i, 6)))}});
  }
  return page;
}

/// Forgets texts that a type refused. Returns the cells that cannot be read any more, for every source that speaks for the row.
json KnownTables::ForgetRefused(Page& page, const RewrittenCells& rewriting) {
  json released = json::array();
  for (std::size_t i = 0; i < page.rows.size(); ++i) {
    json& row = page.rows[i];
    rewriting.ForgetRefusedColumns(row["made"]);
    // A row whose identity cannot be read by the new type cannot be found any more.
    if (rewriting.ForgetRefusedColumns(row["identity"])) row["identity"] = page.identities[i];
    std::vector<std::string> unreadable;
    for (auto& [key, columns] : row["keys"].items()) {
      if (rewriting.ForgetRefusedColumns(columns)) unreadable.push_back(key);
    }
    for (const std::string& key : unreadable) row["keys"].erase(key);
    json refused = json::object();
    for (const auto& [name, entry] : row["cells"].items()) {
      if (rewriting.IsRefused(entry)) refused[name] = json::object();
    }
    rewriting.ForgetRefusedClaims(row["cells"]);
    if (refused.empty()) continue;
    for (const auto& [name, nothing] : refused.items()) row["cells"].erase(name);
    for (const json& one : page.contributions) {
      if (one["r"] != row["id"]) continue;
      released.push_back({{"i", row["identity"]}, {"p", one["p"]}, {"s", one["s"]}, {"c", refused}});
    }
  }
  return released;
}

void KnownTables::WritePage(const Page& page) {
  transaction_.Run(
      "UPDATE membridge.rows AS l SET identity = r.identity, cells = r.cells, keys = r.keys, made = r.made "
      "FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(id bigint, identity jsonb, cells jsonb, keys jsonb, made jsonb) "
      "WHERE l.id = r.id",
      {mappings::ExactText(json(page.rows))});
  transaction_.Run(
      "UPDATE membridge.contributions AS c SET cells = r.c FROM pg_catalog.jsonb_to_recordset($1::jsonb) "
      "AS r(r bigint, p text, m text, s text, n text, i text, c jsonb) "
      "WHERE c.row_id = r.r AND c.project = r.p AND c.mapping = r.m AND c.source = r.s AND c.name = r.n AND c.item = r.i",
      {mappings::ExactText(json(page.contributions))});
}

void KnownTables::RewriteRows(const TargetTable& table, const Record& record) {
  std::string after = "0";
  while (true) {
    const Rows rows =
        transaction_.Run(std::string{"SELECT id, identity::text, cells::text, keys::text, made::text FROM membridge.rows "
                                     "WHERE relation = $1 AND id > $2::bigint ORDER BY id LIMIT "} +
                             kRowsAtOnce + " FOR UPDATE",
                         {table.Relation(), after});
    if (rows.empty()) return;
    after = rows.Text(rows.size() - 1, 0);
    RewrittenCells rewriting{transaction_, record.changes};
    Page page = ReadPage(rows, rewriting);
    for (json& row : page.rows) {
      rewriting.Reread(row["cells"]);
      for (auto& [key, columns] : row["keys"].items()) rewriting.RereadColumns(columns);
      rewriting.RereadColumns(row["made"]);
      rewriting.RereadColumns(row["identity"]);
    }
    rewriting.Finish();
    RewrittenCells claims{transaction_, record.changes, RewrittenCells::Of::kClaims};
    for (json& one : page.contributions) claims.Reread(one["c"]);
    claims.Finish();
    const json released = ForgetRefused(page, rewriting);
    WritePage(page);
    transaction_.Run(
        "INSERT INTO membridge.released AS e (relation, identity, project, source, cells) "
        "SELECT DISTINCT ON (r.i, r.p, r.s) $2, r.i, r.p, r.s, r.c FROM pg_catalog.jsonb_to_recordset($1::jsonb) AS r(i jsonb, p "
        "text, s text, c jsonb) "
        "ON CONFLICT (relation, pg_catalog.jsonb_hash_extended(identity, 0), pg_catalog.jsonb_hash_extended(identity, 1), "
        "project, source) "
        "DO UPDATE SET cells = e.cells || excluded.cells",
        {mappings::ExactText(released), table.Relation()});
  }
}

void KnownTables::RewriteVersions(const TargetTable& table, const Record& record) {
  const Rows rows = transaction_.Run(
      "SELECT identity::text, project, source, cells::text FROM membridge.versions WHERE relation = $1", {table.Relation()});
  if (rows.empty()) return;
  RewrittenCells rewriting{transaction_, record.changes};
  std::vector<json> documents;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    json& document = documents.emplace_back(json::object());
    document = {{"o", mappings::ParseExact(rows.Text(i, 0))},
                {"p", rows.Text(i, 1)},
                {"s", rows.Text(i, 2)},
                {"i", rewriting.RenamedColumns(mappings::ParseExact(rows.Text(i, 0)))},
                {"c", rewriting.RenamedCells(mappings::ParseExact(rows.Text(i, 3)))}};
  }
  for (json& document : documents) {
    rewriting.Reread(document["c"]);
    rewriting.RereadColumns(document["i"]);
  }
  rewriting.Finish();
  // A refused text stays in the closed version as an empty entry, so that an erasure sees that it is not what was written.
  for (json& document : documents) rewriting.ForgetRefused(document["c"]);
  transaction_.Run(
      "UPDATE membridge.versions AS v SET identity = r.i, cells = r.c FROM pg_catalog.jsonb_to_recordset($1::jsonb) "
      "AS r(o jsonb, p text, s text, i jsonb, c jsonb) WHERE v.relation = $2 AND " +
          SameIdentity("v.identity", "r.o") +
          " AND v.project = r.p AND "
          "v.source = r.s",
      {mappings::ExactText(json(documents)), table.Relation()});
}

}  // namespace membridge::sync
