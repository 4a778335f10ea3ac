#include "sync/catalog/catalog_reader.hpp"

#include <unordered_map>
#include <utility>

#include "sync/catalog/catalog_defaults.hpp"

namespace membridge::sync {
namespace {

using mappings::Catalog;
using mappings::Column;
using mappings::Table;
using mappings::UniqueIndex;
using postgres::ArrayOf;
using postgres::Param;
using postgres::QuoteName;
using postgres::Rows;
using postgres::Session;
using postgres::SqlFailure;
using postgres::Transaction;

constexpr const char* kSearchPath = "SELECT pg_catalog.unnest(pg_catalog.current_schemas(false))";

// 8 is INSERT in pg_relation_is_updatable: a simple view, or one with a trigger or rule for it.
constexpr const char* kTableColumns =
    "SELECT c.oid, n.nspname, c.relname,\n"
    "       c.relkind IN ('r', 'p') OR (c.relkind IN ('v', 'f') AND pg_catalog.pg_relation_is_updatable(c.oid, true) & 8 <> 0),\n"
    "       c.oid::bigint\n"
    "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace\n";

constexpr const char* kEveryTable =
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition\n"
    "  AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'membridge') AND n.nspname !~ '^pg_(toast|temp)'";

// $1 and $2 are schemas (NULL: any of the path) and names, $3 the path.
constexpr const char* kWantedTables =
    "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'membridge')\n"
    "  AND EXISTS (SELECT FROM unnest($1::text[], $2::text[]) AS w (schema, name)\n"
    "              WHERE w.name = c.relname AND (w.schema = n.nspname OR w.schema IS NULL AND n.nspname = ANY ($3::text[])))\n"
    // Spelt out as well, so that the index on names is used.
    "  AND c.relname = ANY ($2::text[])";

// Domains are followed down to the type under them; the length may be said at any of the steps, NOT NULL and a default at
// several.
constexpr const char* kColumns =
    "WITH RECURSIVE used AS (\n"
    "  SELECT DISTINCT atttypid AS type FROM pg_catalog.pg_attribute\n"
    "  WHERE attrelid = ANY ($1::oid[]) AND attnum > 0 AND NOT attisdropped\n"
    "), step AS (\n"
    "  SELECT u.type, t.oid AS base, -1 AS length, false AS not_null, NULL::pg_node_tree COLLATE \"C\" AS fallback, 0 AS depth\n"
    "  FROM used u JOIN pg_catalog.pg_type t ON t.oid = u.type\n"
    "  UNION ALL\n"
    "  SELECT s.type, t.typbasetype, CASE WHEN s.length <> -1 THEN s.length ELSE t.typtypmod END, s.not_null OR t.typnotnull,\n"
    "         coalesce(s.fallback, t.typdefaultbin), s.depth + 1\n"
    "  FROM step s JOIN pg_catalog.pg_type t ON t.oid = s.base AND t.typtype = 'd'\n"
    "), resolved AS MATERIALIZED (\n"
    "  SELECT DISTINCT ON (s.type) s.*, pg_catalog.format_type(s.base, NULL) AS base_name, b.typcategory AS category,\n"
    "         CASE WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN pg_catalog.format_type(b.typelem, NULL) END AS element,\n"
    "         s.base IN ('varchar'::regtype, 'bpchar'::regtype) AS counted,\n"
    // The equality of the type's default btree class; of a type without a class of its own, of what it is taken for.
    "         (SELECT pg_catalog.format('OPERATOR(%I.%s)', v.nspname, o.oprname) FROM pg_catalog.pg_opclass k\n"
    "          JOIN pg_catalog.pg_am m ON m.oid = k.opcmethod AND m.amname = 'btree'\n"
    "          JOIN pg_catalog.pg_amop p ON p.amopfamily = k.opcfamily AND p.amopstrategy = 3\n"
    "           AND p.amoplefttype = k.opcintype AND p.amoprighttype = k.opcintype\n"
    "          JOIN pg_catalog.pg_operator o ON o.oid = p.amopopr JOIN pg_catalog.pg_namespace v ON v.oid = o.oprnamespace\n"
    "          WHERE k.opcdefault AND (k.opcintype = s.base OR k.opcintype = CASE\n"
    "                WHEN b.typtype = 'e' THEN 'anyenum'::regtype WHEN b.typtype = 'r' THEN 'anyrange'::regtype\n"
    "                WHEN b.typtype = 'm' THEN pg_catalog.to_regtype('anymultirange')\n"
    "                WHEN b.typtype = 'c' THEN 'record'::regtype WHEN b.typcategory = 'A' AND b.typelem <> 0 THEN "
    "'anyarray'::regtype END\n"
    "             OR EXISTS (SELECT FROM pg_catalog.pg_cast x WHERE x.castsource = s.base AND x.casttarget = k.opcintype\n"
    "                        AND x.castmethod = 'b' AND x.castcontext = 'i'))\n"
    "          ORDER BY k.opcintype = s.base DESC, k.oid LIMIT 1) AS equality,\n"
    "         (SELECT array_to_json(array_agg(e.enumlabel ORDER BY e.enumsortorder)) FROM pg_catalog.pg_enum e\n"
    "          WHERE e.enumtypid = s.base) AS labels\n"
    "  FROM step s JOIN pg_catalog.pg_type b ON b.oid = s.base ORDER BY s.type, s.depth DESC\n"
    ")\n"
    "SELECT a.attrelid, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), r.base_name, r.category,\n"
    "       a.attnotnull OR r.not_null,\n"
    "       (d.adbin IS NOT NULL OR r.fallback IS NOT NULL) AND a.attgenerated = '',\n"
    "       a.attgenerated <> '', a.attidentity = 'a', a.attidentity <> '',\n"
    "       CASE WHEN r.counted AND coalesce(nullif(a.atttypmod, -1), r.length) > 4\n"
    "            THEN coalesce(nullif(a.atttypmod, -1), r.length) - 4 END,\n"
    "       r.labels, r.element, x.description,\n"
    "       CASE WHEN a.attgenerated = '' THEN coalesce(d.adbin, r.fallback)::text END,\n"
    "       CASE WHEN a.attgenerated = '' THEN coalesce(pg_catalog.pg_get_expr(d.adbin, d.adrelid), "
    "pg_catalog.pg_get_expr(r.fallback, 0)) END,\n"
    "       a.attnum,\n"
    // The names in pg_catalog are qualified, too, and what a modifier says stands behind the name. Of an interval it is two
    // numbers.
    "       pg_catalog.format('%I.%I', q.nspname, y.typname) || CASE\n"
    "         WHEN a.atttypmod = -1 THEN ''\n"
    "         WHEN y.typmodin = 'pg_catalog.intervaltypmodin'::regproc THEN '(' || (a.atttypmod >> 16 & 32767)\n"
    "              || CASE WHEN a.atttypmod & 65535 = 65535 THEN '' ELSE ', ' || (a.atttypmod & 65535) END || ')'\n"
    "         ELSE coalesce(pg_catalog.substring(pg_catalog.format_type(a.atttypid, a.atttypmod), '\\([^()]*\\)'), '') END,\n"
    "       r.equality\n"
    "FROM pg_catalog.pg_attribute a\n"
    "JOIN resolved r ON r.type = a.atttypid\n"
    "JOIN pg_catalog.pg_type y ON y.oid = a.atttypid JOIN pg_catalog.pg_namespace q ON q.oid = y.typnamespace\n"
    "LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum\n"
    "LEFT JOIN pg_catalog.pg_description x\n"
    "  ON x.objoid = a.attrelid AND x.classoid = 'pg_catalog.pg_class'::regclass AND x.objsubid = a.attnum\n"
    "WHERE a.attrelid = ANY ($1::oid[]) AND a.attnum > 0 AND NOT a.attisdropped\n"
    "ORDER BY a.attrelid, a.attnum";

constexpr const char* kUniqueIndexes =
    "SELECT i.indrelid, c.relname, i.indisprimary, i.indpred IS NOT NULL,\n"
    "       (SELECT array_to_json(array_agg(coalesce(a.attname, pg_catalog.pg_get_indexdef(i.indexrelid, k.place::int, true))\n"
    "                                       ORDER BY k.place))\n"
    "        FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (number, place)\n"
    "        LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number > 0\n"
    "        WHERE k.place <= i.indnkeyatts)\n"
    "FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid\n"
    "WHERE i.indrelid = ANY ($1::oid[]) AND i.indisunique AND i.indisvalid AND i.indislive\n"
    "ORDER BY i.indrelid, i.indisprimary DESC, c.relname";

std::vector<std::string> TextsIn(std::string_view json) {
  return json.empty() ? std::vector<std::string>{} : nlohmann::json::parse(json).get<std::vector<std::string>>();
}

std::vector<std::string> SetSearchPath(Transaction& transaction, const std::vector<std::string>& wanted) {
  if (!wanted.empty()) {
    std::string path;
    for (const std::string& schema : wanted) path += (path.empty() ? "" : ", ") + QuoteName(schema);
    transaction.Run("SELECT pg_catalog.set_config('search_path', $1, true)", {path});
  }
  // The effective search path: without missing schemas, and with $user resolved.
  const Rows rows = transaction.Run(kSearchPath);
  std::vector<std::string> path;
  for (std::size_t i = 0; i < rows.size(); ++i) path.emplace_back(rows.Text(i, 0));
  return path;
}

Rows FindTables(Transaction& transaction, const CatalogRequest& request, const std::vector<std::string>& path) {
  if (!request.tables) return transaction.Run(std::string{kTableColumns} + kEveryTable);
  std::vector<Param> schemas;
  std::vector<Param> names;
  for (const WantedTable& table : *request.tables) {
    schemas.push_back(table.schema.empty() ? Param{} : Param{table.schema});
    names.emplace_back(table.name);
  }
  return transaction.Run(std::string{kTableColumns} + kWantedTables,
                         {ArrayOf(schemas), ArrayOf(names), ArrayOf({path.begin(), path.end()})});
}

Column ColumnFrom(const Rows& rows, std::size_t row) {
  Column column;
  column.name = rows.Text(row, 1);
  column.type = rows.Text(row, 2);
  column.base_type = rows.Text(row, 3);
  column.category = rows.Text(row, 4).front();
  column.not_null = rows.Bool(row, 5);
  column.has_default = rows.Bool(row, 6);
  column.generated = rows.Bool(row, 7);
  column.identity_always = rows.Bool(row, 8);
  column.identity = rows.Bool(row, 9);
  if (!rows.IsNull(row, 10)) column.max_length = static_cast<int>(rows.Int(row, 10));
  column.enum_labels = TextsIn(rows.Text(row, 11));
  column.element_type = rows.Text(row, 12);
  column.comment = rows.Text(row, 13);
  column.number = static_cast<int>(rows.Int(row, 16));
  column.sql_type = rows.Text(row, 17);
  column.equality = rows.Text(row, 18);
  return column;
}

// The tables of one database, while they are being filled.
class Reading {
 public:
  Reading(Transaction& transaction, const std::vector<std::string>& path) : transaction_(transaction) {
    for (const std::string& schema : path) visible_.push_back(std::string{ShownName(transaction, schema)} + ".");
  }

  void AddTables(const Rows& rows) {
    tables_.reserve(rows.size());
    std::vector<Param> numbers;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      place_of_.emplace(rows.Text(i, 0), tables_.size());
      numbers.emplace_back(rows.Text(i, 0));
      Table& table = tables_.emplace_back();
      table.schema = rows.Text(i, 1);
      table.name = rows.Text(i, 2);
      table.insertable = rows.Bool(i, 3);
      table.oid = rows.Text(i, 4);
    }
    numbers_ = ArrayOf(numbers);
  }

  void AddFingerprints() {
    const Rows rows = transaction_.Run(
        "SELECT c.oid, " + FingerprintInSql("c.oid") + " FROM pg_catalog.unnest($1::oid[]) AS c (oid)", {numbers_});
    for (std::size_t i = 0; i < rows.size(); ++i) TableOf(rows, i).fingerprint = rows.Text(i, 1);
  }

  void AddColumns() {
    const Rows rows = transaction_.Run(kColumns, {numbers_});
    ConstantDefaults defaults;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Column column = ColumnFrom(rows, i);
      for (std::string* name : {&column.type, &column.base_type, &column.element_type}) *name = AsVisible(std::move(*name));
      if (!rows.IsNull(i, 14)) defaults.Expect(rows.Text(i, 14), std::string{rows.Text(i, 15)}, column);
      TableOf(rows, i).columns.push_back(std::move(column));
    }
    defaults.Evaluate(transaction_);
    for (std::size_t i = 0, next = 0; i < rows.size(); ++i) {
      // Columns come table by table, in order.
      next = i > 0 && rows.Text(i, 0) == rows.Text(i - 1, 0) ? next + 1 : 0;
      if (rows.IsNull(i, 14)) continue;
      Column& column = TableOf(rows, i).columns[next];
      column.default_value = defaults.ValueOf(std::string{rows.Text(i, 15)}, column);
    }
  }

  void AddUniqueIndexes() {
    const Rows rows = transaction_.Run(kUniqueIndexes, {numbers_});
    for (std::size_t i = 0; i < rows.size(); ++i) {
      TableOf(rows, i).unique_indexes.push_back({.name = std::string{rows.Text(i, 1)},
                                                 .columns = TextsIn(rows.Text(i, 4)),
                                                 .primary = rows.Bool(i, 2),
                                                 .partial = rows.Bool(i, 3)});
    }
  }

  Catalog Finish(std::vector<std::string> path) {
    Catalog catalog;
    catalog.SetSearchPath(std::move(path));
    for (Table& table : tables_) catalog.Add(std::move(table));
    return catalog;
  }

 private:
  Table& TableOf(const Rows& rows, std::size_t row) { return tables_[place_of_.at(std::string{rows.Text(row, 0)})]; }

  static std::string ShownName(Transaction& transaction, const std::string& schema) {
    return std::string{transaction.Run("SELECT pg_catalog.quote_ident($1)", {schema}).Text(0, 0)};
  }
  /// The type's name as the mapping's search path shows it: without a schema that stands there.
  std::string AsVisible(std::string type) const {
    for (const std::string& schema : visible_) {
      if (type.starts_with(schema)) return type.substr(schema.size());
    }
    return type;
  }

  Transaction& transaction_;
  std::vector<std::string> visible_;  // `public.`, …
  std::vector<Table> tables_;
  std::unordered_map<std::string, std::size_t> place_of_;
  std::string numbers_;
};

}  // namespace

std::string FingerprintInSql(const std::string& oid) {
  return "pg_catalog.md5(pg_catalog.concat((SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', a.attnum, a.attname, "
         "a.atttypid, "
         "a.atttypmod, a.attnotnull, a.attgenerated, a.attidentity, d.adbin), ',' ORDER BY a.attnum) "
         "FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
         "WHERE a.attrelid = " +
         oid +
         " AND a.attnum > 0 AND NOT a.attisdropped), (SELECT pg_catalog.string_agg(pg_catalog.concat_ws(' ', i.indexrelid, "
         "i.indisprimary, i.indkey), ',' ORDER BY i.indexrelid) FROM pg_catalog.pg_index i WHERE i.indrelid = " +
         oid + " AND i.indisunique AND i.indisvalid AND i.indislive)))";
}

Catalog ReadCatalog(Transaction& transaction, const CatalogRequest& request) {
  const std::string before{transaction.Run("SELECT pg_catalog.current_setting('search_path')").Text(0, 0)};
  if (request.search_path.empty()) transaction.EnterRolesPath();
  std::vector<std::string> path = SetSearchPath(transaction, request.search_path);
  // The catalogue is read with this search path, so that other functions or operators cannot replace PostgreSQL's own.
  transaction.Run("SELECT pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true)");
  Reading reading(transaction, path);
  reading.AddTables(FindTables(transaction, request, path));
  reading.AddFingerprints();
  reading.AddColumns();
  reading.AddUniqueIndexes();
  transaction.Run("SELECT pg_catalog.set_config('search_path', $1, true)", {before});
  return reading.Finish(std::move(path));
}

Result<Catalog> ReadCatalog(Session& session, const CatalogRequest& request) {
  try {
    Transaction transaction = session.Begin();
    // Read only, so that a domain's check which calls a function cannot change anything.
    transaction.RunScript("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
    return ReadCatalog(transaction, request);
  } catch (const SqlFailure& failure) {
    return tl::unexpected(failure.AsError("reading the catalogue"));
  }
}

}  // namespace membridge::sync
