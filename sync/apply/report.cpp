#include "sync/apply/report.hpp"

namespace membridge::sync {

void Report::Note(std::size_t source, Decision decision) {
  if (explain_) outcomes_[source].decisions.push_back(std::move(decision));
}

void Report::Note(const std::set<std::size_t>& sources, const Decision& decision) {
  for (const std::size_t source : sources) Note(source, decision);
}

void Report::Touch(const std::set<std::size_t>& sources, const TargetTable& table, const nlohmann::json& identity,
                   const nlohmann::json& deleted) {
  for (const std::size_t source : sources) {
    outcomes_[source].wrote = true;
    outcomes_[source].written.insert(table.Relation());
    if (explain_) outcomes_[source].touched.push_back({table.Relation(), identity, deleted});
  }
}

}  // namespace membridge::sync
