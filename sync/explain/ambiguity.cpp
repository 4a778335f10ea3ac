#include "sync/explain/ambiguity.hpp"

#include <limits>
#include <map>

#include "mappings/base/exact_json.hpp"
#include "mappings/memory.hpp"
#include "sync/apply/choices.hpp"
#include "sync/apply/table_reader.hpp"
#include "sync/apply/target_table.hpp"
#include "sync/catalog/readable_columns.hpp"
#include "sync/queue/queue.hpp"
#include "sync/targets/known_ledger.hpp"
#include "sync/targets/ledger_tie.hpp"

namespace membridge::sync {
namespace {

using nlohmann::json;

/// The candidates' rows as the session's role may read them, in their order.
void ReadRows(postgres::Session& there, const mappings::Catalog& catalog, Ambiguity& ambiguity) {
  postgres::Transaction transaction = there.Begin();
  std::vector<json> identities;
  for (const Ambiguity::Row& row : ambiguity.rows) identities.push_back(row.candidate.identity);
  const mappings::Table* definition = catalog.FindRelation(ambiguity.rows.front().candidate.relation);
  if (definition == nullptr) return;
  try {
    const TargetTable table{*definition, std::nullopt, std::nullopt, ReadableColumns(transaction, *definition)};
    const auto images = TableReader{table, transaction}.Fetch(TableReader::Lock::kNone, identities);
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (images[i]) ambiguity.rows[i].values = table.AsJson(*images[i]);
    }
  } catch (const postgres::SqlFailure& failure) {
    if (failure.IsTransient()) throw;  // else the mapping writes, by another role, what this one cannot read
  }
}

}  // namespace

std::string KeyInWords(const json& identity) {
  if (identity.size() == 1) {
    const json& value = identity.begin().value();
    return value.is_string() ? value.get<std::string>() : mappings::ExactText(value);
  }
  std::string words;
  for (const auto& [name, value] : identity.items())
    words +=
        (words.empty() ? "" : ",") + name + "=" + (value.is_string() ? value.get<std::string>() : mappings::ExactText(value));
  return words;
}

Result<Ambiguity> FindAmbiguity(postgres::Session& there, const Applier& applier, const mappings::Catalog& catalog,
                                const Source& source, Instant now, std::chrono::milliseconds patience) {
  Ambiguity ambiguity{source, applier.Definition().name, {}, {}, {}};
  {
    postgres::Transaction transaction = there.Begin();  // never committed
    transaction.Run(
        "SELECT pg_catalog.set_config('lock_timeout', $1, true), pg_catalog.set_config('statement_timeout', $2, true)",
        {std::to_string(patience.count()), std::to_string(5 * patience.count())});
    Outcome outcome = applier.Apply(transaction, {source}, now).at(0);
    for (Candidate& candidate : outcome.candidates) ambiguity.rows.push_back({std::move(candidate), nullptr});
    ambiguity.cause = outcome.cause;
    ambiguity.place = outcome.place;
  }
  if (ambiguity.rows.empty())
    return Fail(
        ErrorCode::kNotFound, "no key of mapping " + ambiguity.mapping + " matches several rows for this memory",
        "it is applied, or parked for another reason: see membridge plan " + ambiguity.mapping + " --memory " + source.id);
  ReadRows(there, catalog, ambiguity);
  return ambiguity;
}

Result<Source> FromMirror(postgres::Session& state, const ProjectId& project, const MemoryId& memory, Instant now) {
  const auto rows = state.Run(
      "SELECT record FROM membridge.memories WHERE bucket = $1 AND project = $2 AND memory_id = $3 AND record IS NOT NULL",
      {std::to_string(BucketOf(project, memory)), project.Text(), memory.Text()});
  const auto record = rows.empty() ? std::nullopt : std::optional{mappings::ReadMemory(mappings::ParseExact(rows.Text(0, 0)))};
  if (!record || !*record)
    return Fail(ErrorCode::kNotFound, "the bridge has no memory " + memory.Text() + " of project " + project.Text(),
                "membridge parked show names those that are parked");
  Source source;
  source.project = project;
  source.id = memory.Text();
  source.stamp = (*record)->updated_at;
  source.fence = std::numeric_limits<std::int64_t>::max();  // nothing is later than what is never committed
  source.speaks = (*record)->IsLive(std::chrono::floor<std::chrono::days>(now));
  source.names["memory"] = (*record)->record;
  return source;
}

std::vector<std::string> AmbiguousMappings(postgres::Session& state, const ProjectId& project, const MemoryId& memory) {
  const auto rows = state.Run(
      "SELECT DISTINCT mapping FROM membridge.parked WHERE project = $1 AND memory_id = $2 AND sqlstate = $3 ORDER BY mapping",
      {project.Text(), memory.Text(), kAmbiguous});
  std::vector<std::string> mappings;
  for (std::size_t row = 0; row < rows.size(); ++row) mappings.emplace_back(rows.Text(row, 0));
  return mappings;
}

Result<std::size_t> ChooseRow(postgres::Session& state, postgres::Session& there, const std::string& target,
                              const Ambiguity& ambiguity, std::size_t chosen) {
  const auto known = KnownLedger(state, there, target);
  if (!known) return tl::unexpected<Error>(known.error());
  std::vector<Candidate> candidates;
  for (const Ambiguity::Row& row : ambiguity.rows) candidates.push_back(row.candidate);
  postgres::Transaction writes = there.Begin();
  EnterLedger(writes, *known);
  Choices{writes}.Remember(ambiguity.mapping, ambiguity.source, candidates, chosen);
  writes.Commit();
  postgres::Transaction transaction = state.Begin();
  const auto parked = transaction.Run(
      "SELECT DISTINCT p.memory_id FROM membridge.parked p LEFT JOIN membridge.memories m ON m.project = p.project AND "
      "m.memory_id "
      "= p.memory_id WHERE p.project = $1 AND p.mapping = $2 AND p.sqlstate = $3 AND (p.memory_id = $4 OR m.user_id = $5)",
      {ambiguity.source.project.Text(), ambiguity.mapping, kAmbiguous, ambiguity.source.id, SpeakerOf(ambiguity.source)});
  std::vector<MemoryId> memories;
  for (std::size_t row = 0; row < parked.size(); ++row) memories.emplace_back(std::string{parked.Text(row, 0)});
  Queue{transaction}.Mark(ambiguity.source.project, memories, "manual");
  transaction.Commit();
  return memories.size();
}

}  // namespace membridge::sync
