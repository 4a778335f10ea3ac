#include "sync/apply/choices.hpp"

#include "mappings/base/exact_json.hpp"
#include "sync/apply/ledger.hpp"
#include "sync/postgres/column.hpp"

namespace membridge::sync {
namespace {

// Of one speaker, under one row of a mapping: parameters $1 to $5.
constexpr const char* kThose =
    "hashtextextended(c.speaker, 0) = hashtextextended($4, 0) AND c.speaker = $4 AND c.project = $1 AND c.mapping = $2 AND "
    "c.row_name = $3 AND c.relation = $5";

}  // namespace

std::string SpeakerOf(const Source& source) {
  const auto memory = source.names.find("memory");
  if (memory == source.names.end() || !memory->is_object()) return source.id;
  const auto user = memory->find("user_id");
  return user != memory->end() && user->is_string() ? user->get<std::string>() : source.id;
}

std::optional<std::size_t> Choices::Among(const std::string& mapping, const Source& source, const std::string& row,
                                          const std::string& relation, const std::vector<nlohmann::json>& identities) {
  postgres::Column asked;
  for (const nlohmann::json& identity : identities) asked.AddText(mappings::ExactText(identity));
  const auto rows = transaction_.Run(
      std::string{
          "SELECT DISTINCT a.place FROM unnest($6::text[]) WITH ORDINALITY AS a(identity, place) JOIN membridge.choices c "
          "ON "} +
          kThose + " AND " + SameIdentity("c.identity", "a.identity::jsonb"),
      {source.project.Text(), mapping, row, SpeakerOf(source), relation, asked.Take()});
  if (rows.size() != 1) return std::nullopt;
  return static_cast<std::size_t>(rows.Int(0, 0)) - 1;
}

void Choices::Remember(const std::string& mapping, const Source& source, const std::vector<Candidate>& candidates,
                       std::size_t chosen) {
  const Candidate& one = candidates.at(chosen);
  postgres::Column identities;
  for (const Candidate& each : candidates) identities.AddText(mappings::ExactText(each.identity));
  transaction_.Run(std::string{"DELETE FROM membridge.choices c USING unnest($6::text[]) AS a(identity) WHERE "} + kThose +
                       " AND " + SameIdentity("c.identity", "a.identity::jsonb"),
                   {source.project.Text(), mapping, one.row, SpeakerOf(source), one.relation, identities.Take()});
  transaction_.Run(
      "INSERT INTO membridge.choices (project, mapping, row_name, speaker, relation, identity) "
      "VALUES ($1, $2, $3, $4, $5, $6::jsonb)",
      {source.project.Text(), mapping, one.row, SpeakerOf(source), one.relation, mappings::ExactText(one.identity)});
}

}  // namespace membridge::sync
