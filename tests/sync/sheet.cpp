#include "tests/sync/sheet.hpp"

#include <stdexcept>

#include "mappings/check.hpp"
#include "mappings/loader.hpp"
#include "mappings/memory.hpp"

namespace membridge::test {
namespace {

mappings::Catalog CatalogOf(const PgDatabase& database) {
  const std::string text = database.Value(R"(
    SELECT jsonb_agg(jsonb_build_object('schema', n.nspname, 'name', c.relname,
      'columns', (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
          'base_type', format_type(coalesce(nullif(t.typbasetype, 0), t.oid), NULL), 'category', t.typcategory,
          'not_null', a.attnotnull OR t.typnotnull, 'has_default', a.atthasdef AND a.attgenerated = '', 'generated', a.attgenerated <> '',
          'identity', a.attidentity <> '', 'identity_always', a.attidentity = 'a',
          'default_value', CASE WHEN pg_get_expr(d.adbin, d.adrelid) ~ '^''[^'']*''::' THEN substring(pg_get_expr(d.adbin, d.adrelid) from '^''([^'']*)''')
                                WHEN pg_get_expr(d.adbin, d.adrelid) ~ '^(true|false|[0-9]+)$' THEN pg_get_expr(d.adbin, d.adrelid) END) ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
      'unique_indexes', coalesce((SELECT jsonb_agg(jsonb_build_object('name', i.relname, 'primary', x.indisprimary, 'partial', x.indpred IS NOT NULL,
          'columns', (SELECT jsonb_agg(pg_get_indexdef(x.indexrelid, k, true)) FROM generate_series(1, x.indnkeyatts) k)))
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid WHERE x.indrelid = c.oid AND x.indisunique), '[]')))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'membridge'))");
  mappings::Catalog catalog;
  for (const auto& table : nlohmann::json::parse(text)) {
    mappings::Table one;
    one.schema = table["schema"];
    one.name = table["name"];
    for (const auto& column : table["columns"]) {
      mappings::Column& c = one.columns.emplace_back();
      c.name = column["name"];
      c.type = column["type"];
      c.base_type = column["base_type"];
      c.category = column["category"].get<std::string>()[0];
      c.not_null = column["not_null"];
      c.has_default = column["has_default"];
      c.generated = column["generated"];
      c.identity = column["identity"];
      c.identity_always = column["identity_always"];
      if (column["default_value"].is_string()) c.default_value = column["default_value"];
    }
    for (const auto& index : table["unique_indexes"]) {
      mappings::UniqueIndex& i = one.unique_indexes.emplace_back();
      i.name = index["name"];
      i.columns = index["columns"].get<std::vector<std::string>>();
      i.primary = index["primary"];
      i.partial = index["partial"];
    }
    catalog.Add(std::move(one));
  }
  return catalog;
}

}  // namespace

Sheet::Sheet(const std::string& schema_sql, const std::string& mapping_yaml) : session_(database_.Session()) {
  database_.RunScript(schema_sql);
  Remap(mapping_yaml);
}

void Sheet::Remap(const std::string& mapping_yaml) {
  catalog_ = std::make_shared<mappings::Catalog>(CatalogOf(database_));
  mappings::Diagnostics problems;
  auto mapping = mappings::LoadMapping("sheet.yaml", mapping_yaml, {}, problems);
  std::string found;
  if (mapping) mappings::CheckAgainst(*catalog_, {&*mapping}, problems);
  for (const auto& problem : problems.Sorted()) {
    if (problem.severity == mappings::Severity::kError) found += problem.Text() + "\n";
  }
  if (!mapping || !found.empty()) throw std::runtime_error(found);
  applier_ = std::make_unique<sync::Applier>(std::make_shared<const mappings::Mapping>(std::move(*mapping)), catalog_);
}

sync::Source Sheet::SourceOf(const nlohmann::json& record) {
  nlohmann::json complete = record;
  if (!complete.contains("memory")) complete["memory"] = "";
  if (!complete.contains("updated_at")) complete["updated_at"] = "2026-08-01T00:00:00Z";
  auto memory = mappings::ReadMemory(complete);
  if (!memory) throw std::runtime_error(memory.error().message);
  sync::Source source;
  source.project = ProjectId{"crm"};
  source.id = memory->id.Text();
  source.stamp = memory->updated_at;
  source.fence = ++fence_;
  source.speaks = memory->IsLive(ParseDay("2026-09-01").value());
  source.names["memory"] = memory->record;
  return source;
}

std::vector<sync::Outcome> Sheet::Apply(const std::vector<sync::Source>& sources, bool explain) {
  sync::postgres::Transaction transaction = session_.Begin();
  auto outcomes = applier_->Apply(transaction, sources, ParseRfc3339("2026-09-01T12:00:00Z").value(), explain);
  transaction.Commit();
  return outcomes;
}

std::vector<sync::Outcome> Sheet::Say(const std::vector<nlohmann::json>& records, bool explain) {
  std::vector<sync::Source> sources;
  for (const auto& record : records) sources.push_back(SourceOf(record));
  return Apply(sources, explain);
}

sync::Outcome Sheet::Forget(const std::string& id) {
  sync::Source source;
  source.project = ProjectId{"crm"};
  source.id = id;
  source.stamp = ParseRfc3339("2026-09-01T12:00:00Z").value();
  source.fence = ++fence_;
  source.speaks = false;
  source.gone = true;
  return Apply({source}).front();
}

nlohmann::json Sheet::Rows(const std::string& query) const {
  return nlohmann::json::parse(database_.Value("SELECT coalesce(jsonb_agg(to_jsonb(q)), '[]') FROM (" + query + ") AS q"));
}

}  // namespace membridge::test
