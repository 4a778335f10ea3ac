#include "admin/shown/preview.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <optional>

#include "sync/apply/table_reader.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/catalog/readable_columns.hpp"

namespace membridge::admin {
namespace {

using nlohmann::json;
using sync::postgres::Transaction;

/// The rows that a source touched, each once, by table.
using Identities = std::map<std::string, std::vector<json>>;

Identities TouchedBy(const sync::Outcome& outcome) {
  Identities identities;
  for (const sync::Touched& touched : outcome.touched) {
    auto& list = identities[touched.table];
    if (std::find(list.begin(), list.end(), touched.identity) == list.end()) list.push_back(touched.identity);
  }
  return identities;
}

/// Reads the rows as they are now in the transaction, in the order of the identities.
std::map<std::string, std::vector<json>> Read(Transaction& transaction, const mappings::Catalog& catalog,
                                              const Identities& identities) {
  std::map<std::string, std::vector<json>> rows;
  for (const auto& [relation, list] : identities) {
    const mappings::Table* definition = catalog.FindRelation(relation);
    if (definition == nullptr) continue;
    const sync::TargetTable table{*definition, std::nullopt, std::nullopt, sync::ReadableColumns(transaction, *definition)};
    for (const auto& image : sync::TableReader{table, transaction}.Fetch(sync::TableReader::Lock::kNone, list))
      rows[relation].push_back(image ? table.AsJson(*image) : json(nullptr));
  }
  return rows;
}

}  // namespace

sync::Source PlannedSource(const ProjectId& project, const mappings::Memory& memory, Instant now) {
  sync::Source source;
  source.project = project;
  source.id = memory.id.Text();
  source.stamp = memory.updated_at;
  source.fence = std::numeric_limits<std::int64_t>::max();
  source.speaks = memory.IsLive(std::chrono::floor<std::chrono::days>(now));
  source.names["memory"] = memory.record;
  return source;
}

sync::Source PlannedAbsence(const ProjectId& project, const MemoryId& memory, Instant now) {
  sync::Source source;
  source.project = project;
  source.id = memory.Text();
  source.stamp = now;
  source.fence = std::numeric_limits<std::int64_t>::max();
  source.speaks = false;
  source.gone = true;
  return source;
}

Preview PreviewOf(sync::postgres::Session& target, const sync::Applier& applier, const mappings::Catalog& catalog,
                  const sync::Source& source, Instant now, std::chrono::milliseconds patience) {
  Transaction transaction = target.Begin();  // never committed
  transaction.Run("SELECT pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('statement_timeout', $2, true)",
                  {std::to_string(patience.count()), std::to_string(5 * patience.count())});
  transaction.Savepoint("preview");
  Preview preview;
  preview.outcome = applier.Apply(transaction, {source}, now, true).at(0);
  const Identities identities = TouchedBy(preview.outcome);
  try {
    const auto after = Read(transaction, catalog, identities);
    transaction.RollbackTo("preview");
    const auto before = Read(transaction, catalog, identities);
    for (const auto& [relation, rows] : after) {
      for (std::size_t i = 0; i < rows.size(); ++i) {
        const json& was = before.at(relation)[i];
        if (was != rows[i]) preview.rows.push_back({relation, identities.at(relation)[i], was, rows[i]});
      }
    }
  } catch (const sync::postgres::SqlFailure& failure) {
    // With `session: {role: …}`, a mapping may write tables that this role cannot read.
    if (failure.IsTransient()) throw;
    preview.rows.clear();
  }
  return preview;
}

}  // namespace membridge::admin
