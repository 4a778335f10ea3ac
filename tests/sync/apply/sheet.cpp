#include "tests/sync/apply/sheet.hpp"

#include <stdexcept>

#include "mappings/check/check.hpp"
#include "mappings/files/loader.hpp"
#include "mappings/memory.hpp"
#include "sync/apply/missing_rows.hpp"
#include "sync/catalog/catalog_reader.hpp"

namespace membridge::test {
Sheet::Sheet(const std::string& schema_sql, const std::string& mapping_yaml, bool feed) : session_(database_.Dsn()), feed_(feed) {
  database_.RunScript(schema_sql);
  Remap(mapping_yaml);
}

void Sheet::Remap(const std::string& mapping_yaml, const std::string& name) {
  auto catalog = sync::ReadCatalog(session_);
  if (!catalog) throw std::runtime_error(catalog.error().message);
  catalog_ = std::make_shared<const mappings::Catalog>(std::move(*catalog));
  mappings::Diagnostics problems;
  auto loaded = mappings::LoadMapping(name + ".yaml", mapping_yaml, {}, problems);
  if (loaded) {
    mappings_[name].mapping = std::make_shared<const mappings::Mapping>(std::move(*loaded));
    std::vector<const mappings::Mapping*> all;
    for (const auto& [other, mapped] : mappings_) all.push_back(mapped.mapping.get());
    mappings::CheckAgainst(*catalog_, all, problems);
  }
  std::string found;
  for (const auto& problem : problems.Sorted()) {
    if (problem.severity == mappings::Severity::kError) found += problem.Text() + "\n";
  }
  if (!found.empty()) throw std::runtime_error(found);
  for (auto& [other, mapped] : mappings_) mapped.applier = std::make_unique<sync::Applier>(mapped.mapping, catalog_, feed_);
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

std::vector<sync::Outcome> Sheet::ApplyOnce(const std::vector<sync::Source>& sources, bool explain) {
  sync::postgres::Transaction transaction = session_.Begin();
  std::vector<sync::Outcome> outcomes;
  for (const auto& [name, mapped] : mappings_) {
    auto of_mapping = mapped.applier->Apply(transaction, sources, ParseRfc3339("2026-09-01T12:00:00Z").value(), explain);
    if (outcomes.empty()) outcomes = std::move(of_mapping);
    for (std::size_t i = 0; i < of_mapping.size(); ++i) {
      if (!of_mapping[i].cause.empty()) outcomes[i] = of_mapping[i];
    }
  }
  transaction.Commit();
  return outcomes;
}

std::vector<sync::Outcome> Sheet::Apply(const std::vector<sync::Source>& sources, bool explain) {
  auto outcomes = ApplyOnce(sources, explain);
  for (const auto& source : sources) mirror_.insert_or_assign(source.id, source);
  ApplyWoken();
  return outcomes;
}

/// What the workers do after a batch, from the mirror; each round in any order, so in one batch.
void Sheet::ApplyWoken() {
  const std::string query = "SELECT coalesce(jsonb_agg(DISTINCT source), '[]') FROM membridge.waiting WHERE woken";
  for (int round = 0; round < 50; ++round) {
    sync::postgres::Transaction telling = session_.Begin();
    sync::Waits::Match(telling);
    telling.Commit();
    std::vector<sync::Source> again;
    for (const nlohmann::json& id : nlohmann::json::parse(database_.Value(query))) {
      again.push_back(mirror_.at(id.get<std::string>()));
      again.back().fence = ++fence_;
    }
    if (again.empty()) return;
    looked_again_ += again.size();
    for (const auto& outcome : ApplyOnce(again, false)) {
      if (!outcome.cause.empty()) throw std::runtime_error("refused when it was woken: " + outcome.cause);
    }
  }
  throw std::runtime_error("memories wake one another for ever");
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
