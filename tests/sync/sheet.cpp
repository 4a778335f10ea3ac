#include "tests/sync/sheet.hpp"

#include <stdexcept>

#include "mappings/check.hpp"
#include "mappings/loader.hpp"
#include "mappings/memory.hpp"
#include "sync/catalog_reader.hpp"

namespace membridge::test {
Sheet::Sheet(const std::string& schema_sql, const std::string& mapping_yaml) : session_(database_.Session()) {
  database_.RunScript(schema_sql);
  Remap(mapping_yaml);
}

void Sheet::Remap(const std::string& mapping_yaml) {
  auto catalog = sync::ReadCatalog(session_);
  if (!catalog) throw std::runtime_error(catalog.error().message);
  catalog_ = std::make_shared<const mappings::Catalog>(std::move(*catalog));
  mappings::Diagnostics problems;
  auto mapping = mappings::LoadMapping("sheet.yaml", mapping_yaml, {}, problems);
  std::string found;
  if (mapping) mappings::CheckAgainst(*catalog_, {&*mapping}, problems);
  for (const auto& problem : problems.Sorted()) {
    if (problem.severity == mappings::Severity::kError) found += problem.Text() + "\n";
  }
  if (!mapping || !found.empty()) throw std::runtime_error(found);
  mapping_ = std::make_shared<const mappings::Mapping>(std::move(*mapping));
  applier_ = std::make_unique<sync::Applier>(mapping_, catalog_);
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
