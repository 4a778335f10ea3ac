#pragma once

#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sync/apply/source.hpp"
#include "sync/apply/target_table.hpp"

namespace membridge::sync {

/// Sources by project and id.
using Leaned = std::set<std::pair<ProjectId, MemoryId>>;

/// Collects the outcome of each source of one attempt, with its decisions when they are wanted.
class Report {
 public:
  Report(std::size_t sources, bool explain) : outcomes_(sources), explain_(explain) {}

  /// Whether decisions are kept. Ask before you put one together.
  bool Explains() const { return explain_; }
  void Late(std::size_t source) { outcomes_[source].kind = Outcome::Kind::kLate; }
  void Wait(std::size_t source) { outcomes_[source].waits = true; }
  void Wake(std::size_t source) { outcomes_[source].wakes = true; }
  void Note(std::size_t source, Decision decision);
  void Note(const std::set<std::size_t>& sources, const Decision& decision);
  /// Notes that a target row changed because of these sources. `deleted`: the old row, when it was deleted.
  void Touch(const std::set<std::size_t>& sources, const TargetTable& table, const nlohmann::json& identity,
             const nlohmann::json& deleted = nullptr);

  /// Notes that a cell now holds what another source claims.
  void Lean(const std::string& project, const std::string& source) { leaned_on_.emplace(project, source); }
  const Leaned& LeanedOn() const { return leaned_on_; }

  std::vector<Outcome> Take() { return std::move(outcomes_); }

 private:
  std::vector<Outcome> outcomes_;
  bool explain_;
  Leaned leaned_on_;
};

}  // namespace membridge::sync
